using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Hypernetworks;

/// <summary>A task of a hypernetwork as an adapter of its own: in AdapterHub's files, and on an encoder-decoder.</summary>
public sealed class StandaloneFormatTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pha", """{"bottleneck": 4, "ordinary_bottleneck": 4}""")]
    [InlineData("pha", """{"bottleneck": 3, "ordinary_bottleneck": 5}""")]
    [InlineData("hyperformer++", """{"reduction_factor": 4, "train_norms": false}""")]
    public void It_goes_to_AdapterHub_s_files_and_back(string name, string settings)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(name, settings, backbone);
        using var alone = adapter.Method.Standalone(adapter, "two", backbone)!;
        var weights = alone.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Detach(), StringComparer.Ordinal);
        var format = AdapterFormats.Get("adapterhub");

        format.Save(_folder.At("hub"), new ForeignAdapter(alone.Method.Name, alone.Method.WriteConfig(alone.Config), weights) { Name = "two" }, backbone);
        using var read = format.Read(_folder.At("hub"), backbone);

        Assert.Equal(weights.Keys.Order(StringComparer.Ordinal), read.Weights.Keys.Order(StringComparer.Ordinal));
        Assert.All(weights, w => TensorAssert.BitwiseEqual(w.Value, read.Weights[w.Key]));
    }

    [Theory]
    [InlineData("pha", """{"bottleneck": 5, "ordinary_bottleneck": 3}""")]
    [InlineData("pha", """{"layout": "generated", "bottleneck": 5}""")]
    [InlineData("hyperformer", """{"reduction_factor": 4}""")]
    [InlineData("hyperformer++", """{"reduction_factor": 4, "sublayers": "all_sublayers", "train_norms": false}""")]
    public void It_answers_alike_on_an_encoder_decoder(string name, string settings)
    {
        using var backbone = TinyBackbones.Create("t5");
        using var adapter = Attach(name, settings, backbone);
        using var alone = adapter.Method.Standalone(adapter, "two", backbone)!;
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(4, 6, 3) with { DecoderIds = TinyBackbones.Batch(5, 4, 4).InputIds };

        var expected = new AdaptedModel(backbone).Forward(batch, [new(adapter, "two"), new(adapter, "two")]).Output;
        var actual = new AdaptedModel(backbone).Forward(batch, alone).Output;

        TensorAssert.Close(expected.LastHiddenState, actual.LastHiddenState, 1e-6, 1e-6);
        TensorAssert.Close(expected.Logits!, actual.Logits!, 1e-5, 2e-6);
    }

    [Fact]
    public void On_an_encoder_decoder_AdapterHub_has_no_such_parallel_adapter_and_that_is_said()
    {
        using var backbone = TinyBackbones.Create("t5");
        using var adapter = Attach("pha", """{"bottleneck": 4, "ordinary_bottleneck": 4}""", backbone);
        using var alone = adapter.Method.Standalone(adapter, "two", backbone)!;
        var weights = alone.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Detach(), StringComparer.Ordinal);

        var error = Assert.Throws<GraftException>(() => AdapterFormats.Get("adapterhub").Save(
            _folder.At("hub"), new ForeignAdapter(alone.Method.Name, alone.Method.WriteConfig(alone.Config), weights) { Name = "two" }, backbone));

        Assert.Contains("before the sublayer's norm", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("hub")));
    }

    private static Adapter Attach(string name, string settings, Backbone backbone)
    {
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get(name);
        var adapter = method.Attach(backbone, "all", method.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test"), rng, ["one", "two"]);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        foreach (var parameter in adapter.Parameters())
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape.ToArray(), 0, 0.1));
        }

        return adapter;
    }
}
