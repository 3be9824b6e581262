using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>Blocks in which an adapter rests, by its settings or by the pass.</summary>
public sealed class AdapterDropTests
{
    public static TheoryData<string> Methods => [.. PeftMethods.All.Where(m => m.Defaults is LayeredConfig && !m.Name.StartsWith("test-", StringComparison.Ordinal)).Select(m => m.Name)];

    [Theory, MemberData(nameof(Methods))]
    public void Dropped_from_the_first_blocks_their_states_are_the_backbones_bitwise(string method)
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 3);
        using var adapter = Attach(backbone, method, []);
        if (adapter.NamedParameters().Any(p => p.Path.Contains("embeddings", StringComparison.Ordinal)))
        {
            return;
        }

        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);
        var plain = backbone.Forward(batch, allHiddenStates: true).HiddenStates!;

        for (var first = 0; first <= 3; first++)
        {
            var states = new AdaptedModel(backbone).Forward(batch, adapter, allHiddenStates: true, firstLayer: first).Output.HiddenStates!;
            for (var layer = 0; layer <= 3; layer++)
            {
                if (layer <= first)
                {
                    TensorAssert.BitwiseEqual(plain[layer], states[layer]);
                }
                else
                {
                    TensorAssert.Differs(plain[layer], states[layer]);
                }
            }
        }
    }

    [Fact]
    public void Left_out_blocks_have_no_parts_and_their_states_are_the_backbones_bitwise()
    {
        using var backbone = TinyBackbones.Create("bert", layers: 3);
        using var adapter = Attach(backbone, "houlsby", new() { ["leave_out"] = new JsonArray(0, 1) });
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);

        var plain = backbone.Forward(batch, allHiddenStates: true).HiddenStates!;
        var states = new AdaptedModel(backbone).Forward(batch, adapter, allHiddenStates: true).Output.HiddenStates!;

        Assert.All(adapter.NamedParameters(), p => Assert.StartsWith("encoder.layer.2.", p.Path, StringComparison.Ordinal));
        TensorAssert.BitwiseEqual(plain[2], states[2]);
        TensorAssert.Differs(plain[3], states[3]);
    }

    [Fact]
    public void Rows_that_drop_different_blocks_share_a_batch()
    {
        using var backbone = TinyBackbones.Create("bert", layers: 3);
        using var adapter = Attach(backbone, "pfeiffer", []);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3, 4);
        RowAdapter[] rows = [new(adapter, FirstLayer: 2), new(adapter), new(adapter, FirstLayer: 1)];

        var mixed = new AdaptedModel(backbone).Forward(batch, rows).Output.LastHiddenState;

        for (var i = 0; i < rows.Length; i++)
        {
            var alone = new AdaptedModel(backbone).Forward(TinyBackbones.Rows(batch, i, 1), adapter, firstLayer: rows[i].FirstLayer).Output.LastHiddenState;
            TensorAssert.Close(alone, mixed.Narrow(0, i, 1));
        }
    }

    private static Adapter Attach(Backbone backbone, string name, JsonObject settings)
    {
        var method = PeftMethods.Get(name);
        var known = method.WriteConfig(method.Defaults);
        if (known.ContainsKey("reduction_factor"))
        {
            settings["reduction_factor"] = 4;
        }

        // Shifted positions change what the first block reads, whoever rests in it.
        if (known.ContainsKey("shift_positions"))
        {
            settings["shift_positions"] = false;
        }

        using var rng = new Rng(1, Device.Cpu);
        var adapter = method.Attach(backbone, name, method.ReadConfig(settings, "test"), rng);
        foreach (var parameter in adapter.Parameters())
        {
            parameter.Assign(parameter.Value + 0.1);
        }

        return adapter;
    }
}
