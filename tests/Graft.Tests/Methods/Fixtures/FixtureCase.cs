using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Fixtures;

/// <summary>
/// One case of the reference classes in float64: arrays <c>w_*</c> are weights, <c>d_*</c> gradients of the sum of output times <c>grad_out</c>.
/// A backbone of just the sites in question takes its weights from the file, an adapter of the method is attached, and everything is compared.
/// </summary>
internal sealed class FixtureCase : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly List<(string Gradient, Tensor Value)> _gradients = [];
    private SiteBackbone? _backbone;
    private Adapter? _adapter;

    public FixtureCase(string name) => _file = SafetensorsFile.Open(SharedData.Fixture($"unipelt/{name}.safetensors"));

    /// <summary>An array.</summary>
    public Tensor this[string key] => _file.Load(key);

    /// <summary>An array that is an input; its gradient is compared with <c>d_</c> and the key, where the file has that.</summary>
    public Tensor Input(string key)
    {
        var value = _file.Load(key).Clone();
        value.RequiresGrad = true;
        return Follow("d_" + key, value);
    }

    /// <summary>A value whose gradient is compared, where the file has one.</summary>
    public Tensor Follow(string gradient, Tensor value)
    {
        if (_file.Contains(gradient))
        {
            _gradients.Add((gradient, value));
        }

        return value;
    }

    /// <summary>Declares sites whose parameters come from <c>w_</c> and their key, without the path that the sites of one module share.</summary>
    public void Sites(Action<BlockBuilder> declare, string module = "")
    {
        _backbone = new SiteBackbone(new WeightSource((key, _) => _file.Load("w_" + key[module.Length..]).Clone(), DType.Float64), declare);
        foreach (var (path, parameter) in _backbone.NamedParameters())
        {
            Follow("d_w_" + path[module.Length..], parameter.Value);
        }
    }

    /// <summary>Attaches a method and fills its parameters.</summary>
    /// <param name="method">Its name.</param>
    /// <param name="settings">Its settings as JSON.</param>
    /// <param name="keyOf">The name in the file, without what stands before it, of the parameter at a path; null for one that the test fills.</param>
    /// <param name="gradient">What stands before the name of a weight's gradient.</param>
    /// <param name="weight">What stands before the name of a weight.</param>
    public void Attach(string method, string settings, Func<string, string?> keyOf, string gradient = "d_w_", string weight = "w_")
    {
        using var rng = new Rng(1, Device.Cpu);
        var peft = PeftMethods.Get(method);
        _adapter = peft.Attach(_backbone!, "a", peft.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test"), rng);
        _adapter.ConvertTo(DType.Float64);
        foreach (var (path, parameter) in _adapter.NamedParameters())
        {
            if (keyOf(path) is { } key)
            {
                parameter.Assign(_file.Load(weight + key).Reshape(parameter.Value.Shape));
                Follow(gradient + key, parameter.Value);
            }
        }
    }

    /// <summary>The adapter's parameter at a path.</summary>
    public Parameter Parameter(string path) => _adapter!.NamedParameters().Single(p => p.Path == path).Parameter;

    /// <summary>Computes a pass of rows that all use the adapter.</summary>
    public AdaptedOutput Run(int rows, Func<AdapterPass, Tensor> compute)
    {
        _backbone!.Compute = compute;
        return new AdaptedModel(_backbone).Forward(new BackboneInput(Tensor.Zeros([rows, 1], DType.Int64)), _adapter);
    }

    /// <summary>Compares an output, and then every gradient of the sum of output times <c>grad_out</c>.</summary>
    public void Check(Tensor output, string expected = "out", string direction = "grad_out")
    {
        Close(expected, output);
        (output * _file.Load(direction)).Sum().Backward();
        CheckGradients();
    }

    /// <summary>Compares every gradient of the file.</summary>
    public void CheckGradients()
    {
        Assert.Equal(_file.Keys.Where(k => k.StartsWith("d_", StringComparison.Ordinal)).Order(StringComparer.Ordinal), _gradients.Select(g => g.Gradient).Order(StringComparer.Ordinal));
        foreach (var (key, value) in _gradients)
        {
            Close(key, value.Grad ?? throw new Xunit.Sdk.XunitException($"{key} has no gradient."));
        }
    }

    /// <summary>Compares with an array, whatever the shape, within 1e-10 relative.</summary>
    public void Close(string key, Tensor actual)
    {
        var expected = _file.Load(key);
        try
        {
            TensorAssert.Close(expected, actual.Reshape(expected.Shape), 1e-10, 1e-12);
        }
        catch (Exception e) when (e is Xunit.Sdk.XunitException)
        {
            throw new Xunit.Sdk.XunitException($"{key}: {e.Message}", e);
        }
    }

    /// <summary>Compares the only value observed under a name.</summary>
    public void Observed(AdaptedOutput output, string name, string key) => Close(key, Assert.Single(output.Observations[name]).Value);

    public void Dispose()
    {
        _adapter?.Dispose();
        _backbone?.Dispose();
        _file.Dispose();
    }
}

/// <summary>A backbone of chosen sites and a computation over them.</summary>
internal sealed class SiteBackbone : Backbone
{
    public SiteBackbone(WeightSource weights, Action<BlockBuilder> declare)
        : base(new BackboneConfig("fixture", 32, 2, 4, 64, 1, 512), weights) =>
        declare(new BlockBuilder(Sites, weights, (key, value) => AddParameter(key, value)));

    public Func<AdapterPass, Tensor> Compute { get; set; } = null!;

    public override BackboneOutput Forward(BackboneInput input, AdapterPass? pass = null, bool allHiddenStates = false) => new(Compute(pass!));
}
