using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign.Peft;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Foreign;

/// <summary>Adapters that HF PEFT 0.11.1 made and saved: Graft computes what PEFT computed with them, and writes them back with PEFT's own keys.</summary>
public sealed class PeftReferenceTests : IDisposable
{
    private static readonly string s_place = SharedData.Fixture("peft/0.11.1");
    private readonly TestFolder _folder = new();
    private readonly Backbone _backbone = Backbone.Load(s_place, new BackboneOptions(Pooler: true));

    public static TheoryData<string> Cases => [.. Expected()["outputs"]!.AsObject().Select(o => o.Key)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Graft_computes_what_peft_computed(string name)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var expected = Expected();
        var ids = Numbers<long>(expected["input_ids"]!);
        var mask = Numbers<float>(expected["mask"]!);
        var (rows, length) = (expected["mask"]!.AsArray().Count, expected["mask"]![0]!.AsArray().Count);
        var batch = new BackboneInput(Tensor.From(ids, rows, length), Tensor.From(mask, rows, length));
        var numbers = Numbers<double>(expected["outputs"]![name]!);
        var wanted = Tensor.From(numbers, rows, numbers.Length / rows);

        using var adapter = new PeftFormat().Read(Path.Combine(s_place, name), _backbone);
        if (adapter.Head is null)
        {
            using var module = PackageFormat.Attach(adapter, _backbone);
            var hidden = new AdaptedModel(_backbone).Forward(batch, module).Output.LastHiddenState.To(DType.Float64);
            var real = Tensor.From(mask, rows, length, 1).To(DType.Float64);
            TensorAssert.Close(wanted.View(hidden.Shape.ToArray()) * real, hidden * real, 1e-5, 2e-5);
            return;
        }

        new PackageFormat().Save(_folder.At("package"), adapter, _backbone);
        using var model = TaskModelPackage.Load(_folder.At("package"), _backbone);
        TensorAssert.Close(wanted, model.Forward(batch).Logits.To(DType.Float64), 1e-5, 2e-5);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void What_is_written_back_has_pefts_own_keys_and_bits(string name)
    {
        using var adapter = new PeftFormat().Read(Path.Combine(s_place, name), _backbone);
        new PeftFormat().Save(_folder.At("back"), adapter, _backbone);
        using var before = SafetensorsFile.Open(Path.Combine(s_place, name, "adapter_model.safetensors"));
        using var after = SafetensorsFile.Open(_folder.At("back", "adapter_model.safetensors"));

        // The pooler's bias is read by no head of this file, and VeRA's matrices are always written.
        string[] left = [.. before.Keys.Where(k => k != "base_model.model.pooler.dense.bias").Order(StringComparer.Ordinal)];
        Assert.Equal(left, after.Keys.Where(k => before.Contains(k) || !k.StartsWith("base_model.vera_", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.All(left, k => Assert.True(before.Bytes(k).SequenceEqual(after.Bytes(k)) && before.Info(k).Shape.SequenceEqual(after.Info(k).Shape), k));
        Assert.Empty(adapter.UnknownFields);
    }

    public void Dispose()
    {
        _backbone.Dispose();
        _folder.Dispose();
    }

    private static JsonObject Expected() => JsonNode.Parse(File.ReadAllText(Path.Combine(s_place, "expected.json")))!.AsObject();

    private static T[] Numbers<T>(JsonNode node)
        where T : struct => node is JsonArray list ? [.. list.SelectMany(n => Numbers<T>(n!))] : [node.Deserialize<T>()];
}
