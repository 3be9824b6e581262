using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Methods.Core.Masks;
using Graft.TestKit;
using Graft.Tests.Methods.Fixtures;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Masks;

/// <summary>A file of numbers from the PROPETL authors' modules, an adapter of the method at just the sites in question, and what they have in common.</summary>
internal sealed class ProPetlCase : IDisposable
{
    private const double GradientTolerance = 2e-4;
    private SiteBackbone? _backbone;
    private Adapter? _adapter;

    public ProPetlCase(string name) => File = SafetensorsFile.Open(SharedData.Fixture($"propetl/{name}.safetensors"));

    public SafetensorsFile File { get; }

    /// <summary>The fraction that masks keep.</summary>
    public double Kept => this["k"].ToDouble();

    public Adapter Adapter => _adapter!;

    public MaskSet Masks => Adapter.Prototypes<Graft.Methods.Core.Masks.MaskedPrototype>().Single().Masks;

    /// <summary>An array.</summary>
    public Tensor this[string key] => File.Load(key);

    /// <summary>One array per layer on top of each other, whose names differ in the layer's number alone.</summary>
    public Tensor Layers(int count, Func<int, string> key, bool transposed = false) =>
        Tensor.Stack([.. Enumerable.Range(0, count).Select(l => transposed ? this[key(l)].Transpose(0, 1) : this[key(l)])], 0);

    /// <summary>Declares the sites; frozen weights come from the file by the key that <paramref name="keyOf"/> gives.</summary>
    public void Sites(Action<BlockBuilder> declare, Func<string, string>? keyOf = null) => _backbone = new SiteBackbone(
        new WeightSource((key, _) => this[keyOf is null ? key.Replace(".weight", "_w", StringComparison.Ordinal).Replace(".bias", "_b", StringComparison.Ordinal) : keyOf(key)].Clone()), declare);

    /// <summary>Attaches a method and fills every parameter.</summary>
    public void Attach(string method, JsonObject settings, IReadOnlyList<string> tasks, Dictionary<string, Tensor> values)
    {
        using var rng = new Rng(1, Device.Cpu);
        var peft = PeftMethods.Get(method);
        _adapter = peft.Attach(_backbone!, "a", peft.ReadConfig(settings, "test"), rng, tasks);
        Assert.Equal(values.Keys.Order(StringComparer.Ordinal), _adapter.NamedParameters().Select(p => p.Path).Order(StringComparer.Ordinal));
        foreach (var (path, parameter) in _adapter.NamedParameters())
        {
            parameter.Assign(values[path]);
        }
    }

    /// <summary>Computes a pass of rows that all use the adapter for a task.</summary>
    public Tensor Run(int rows, Func<AdapterPass, Tensor> compute, string? task = null)
    {
        _backbone!.Compute = compute;
        return new AdaptedModel(_backbone).Forward(
            new BackboneInput(Tensor.Zeros([rows, 1], DType.Int64)), [.. Enumerable.Repeat(new RowAdapter(_adapter, task), rows)]).Output.LastHiddenState;
    }

    public Parameter Parameter(string path) => Adapter.NamedParameters().Single(p => p.Path == path).Parameter;

    /// <summary>Compares the gradient of a parameter; one that the pass did not use counts as zero.</summary>
    public void CheckGradient(Tensor expected, string path)
    {
        var gradient = Parameter(path).Value.Grad ?? Parameter(path).Value.ZerosLike();
        try
        {
            TensorAssert.Close(expected.Reshape(gradient.Shape), gradient, 0, GradientTolerance);
        }
        catch (Exception e) when (e is Xunit.Sdk.XunitException)
        {
            throw new Xunit.Sdk.XunitException($"{path}: {e.Message}", e);
        }
    }

    public void Dispose()
    {
        _adapter?.Dispose();
        _backbone?.Dispose();
        File.Dispose();
    }
}
