using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Tests.Methods.Fixtures;
using Graft.Torch;

namespace Graft.Tests.Methods.Hypernetworks;

/// <summary>
/// A file of the authors' hypernetworks in float64: <c>w.*</c> are weights, <c>grad.*</c> gradients. Their generated down-projections are laid out
/// as [W, M] where PHA generates them, which is a permutation of the rows of the head; Graft has [M, W] for every method.
/// </summary>
internal sealed class HyperFixture : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly List<(string Key, Func<Tensor, Tensor> Layout, Parameter Parameter)> _followed = [];

    public HyperFixture(string name) => _file = SafetensorsFile.Open(SharedData.Fixture($"pha/{name}.safetensors"));

    /// <summary>The number of parameters that were filled.</summary>
    public int Filled => _followed.Count;

    /// <summary>An array, in float64 unless it is of whole numbers.</summary>
    public Tensor this[string key] => _file.Load(key) is var value && value.DType.IsFloating() ? value.To(DType.Float64) : value;

    /// <summary>An array that gradients are asked for.</summary>
    public Tensor Input(string key)
    {
        var value = this[key].Clone();
        value.RequiresGrad = true;
        return value;
    }

    /// <summary>Attaches a method to a backbone of chosen sites, in float64.</summary>
    public static Adapter Attach(Backbone backbone, string method, string settings, params string[] tasks)
    {
        using var rng = new Rng(1, Device.Cpu);
        var peft = PeftMethods.Get(method);
        var adapter = peft.Attach(backbone, "fixture", peft.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "the fixture"), rng, tasks);
        adapter.ConvertTo(DType.Float64);
        return adapter;
    }

    /// <summary>Fills a parameter from an array and follows its gradient.</summary>
    public void Fill(Adapter adapter, string path, string key, string gradient, Func<Tensor, Tensor>? layout = null)
    {
        var parameter = adapter.NamedParameters().Single(p => p.Path == path).Parameter;
        layout ??= x => x;
        parameter.Assign(layout(this[key]).Reshape(parameter.Value.Shape));
        _followed.Add((gradient, layout, parameter));
    }

    /// <summary>Fills a map's weight and bias and follows their gradients.</summary>
    public void FillMap(Adapter adapter, string path, string key, string gradient)
    {
        Fill(adapter, path + ".weight", key + ".weight", gradient + ".weight");
        Fill(adapter, path + ".bias", key + ".bias", gradient + ".bias");
    }

    /// <summary>Fills PHA's hypernetwork.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="weights">What stands before the names of its weights.</param>
    /// <param name="gradients">What stands before the names of their gradients.</param>
    /// <param name="width">W.</param>
    /// <param name="bottleneck">M.</param>
    public void FillHypernetwork(Adapter adapter, string weights, string gradients, int width, int bottleneck)
    {
        const string Own = "shared.hypernetwork.";
        Fill(adapter, Own + "layers", weights + "layer_embed.weight", gradients + "layer_embed.weight");
        foreach (var (own, theirs) in new[] { ("trunk.hidden", "linear1"), ("trunk.output", "linear2"), ("trunk.norm", "LayerNorm"), ("heads.down_bias", "bias_down"), ("heads.up_bias", "bias_up") })
        {
            FillMap(adapter, Own + own, $"{weights}decoder.{theirs}", $"{gradients}decoder.{theirs}");
        }

        // Row i M + j of theirs is row j W + i of Graft's, and the other way round upwards.
        foreach (var (own, theirs, rows, columns) in new[] { ("heads.down", "decoder.weight_down", width, bottleneck), ("heads.up", "decoder.weight_up", bottleneck, width) })
        {
            Fill(adapter, Own + own + ".weight", $"{weights}{theirs}.weight", $"{gradients}{theirs}.weight", x => x.View(rows, columns, -1).Transpose(0, 1));
            Fill(adapter, Own + own + ".bias", $"{weights}{theirs}.bias", $"{gradients}{theirs}.bias", x => x.View(rows, columns).Transpose(0, 1));
        }
    }

    /// <summary>Fills the tasks' prototypes from the rows of one array.</summary>
    public void FillPrototypes(Adapter adapter, string key, string gradient)
    {
        foreach (var (number, task) in adapter.Tasks.Index())
        {
            Fill(adapter, $"tasks.{task}.prototype.vector", key, gradient, x => x.Select(0, number));
        }
    }

    /// <summary>Compares the gradient of everything that was filled.</summary>
    public void CheckGradients()
    {
        foreach (var (key, layout, parameter) in _followed)
        {
            Close(key, layout(this[key]), parameter.Value.Grad ?? throw new Xunit.Sdk.XunitException($"{key} has no gradient."));
        }
    }

    /// <summary>Compares the value of everything that was filled.</summary>
    /// <param name="keyOf">The array, from the name of the gradient's.</param>
    public void CheckValues(Func<string, string> keyOf)
    {
        foreach (var (key, layout, parameter) in _followed)
        {
            Close(keyOf(key), layout(this[keyOf(key)]), parameter);
        }
    }

    /// <summary>Compares with an array, whatever the shape, within 1e-10 relative.</summary>
    public void Close(string key, Tensor actual) => Close(key, this[key], actual);

    public void Dispose() => _file.Dispose();

    private static void Close(string key, Tensor expected, Tensor actual)
    {
        try
        {
            TensorAssert.Close(expected, actual.Reshape(expected.Shape), 1e-10, 1e-13);
        }
        catch (Exception e) when (e is Xunit.Sdk.XunitException)
        {
            throw new Xunit.Sdk.XunitException($"{key}: {e.Message}", e);
        }
    }
}

/// <summary>Sites without a model around them.</summary>
internal static class BareSites
{
    /// <summary>A backbone of sublayers alone, with the sites that were made.</summary>
    public static SiteBackbone Of(int width, int layers, StackKind stack, out List<HiddenSite> sites, params SiteRole[] sublayers)
    {
        List<HiddenSite> made = [];
        var backbone = new SiteBackbone(WeightSource.OfShape(), build => made.AddRange(
            from layer in Enumerable.Range(0, layers)
            from role in sublayers
            select build.Sites.Add(new HiddenSite($"{SiteRoleJson.Text(role)}.{layer}", width, role, stack, layer))));
        sites = made;
        return backbone;
    }

    /// <summary>The order in which a pass sees rows: tasks by their first row.</summary>
    public static Tensor PassOrder(IReadOnlyList<string> tasks)
    {
        var order = Enumerable.Range(0, tasks.Count).OrderBy(i => Enumerable.Range(0, tasks.Count).First(j => tasks[j] == tasks[i])).Select(i => (long)i).ToArray();
        return Tensor.From(order, order.Length);
    }

    /// <summary>A pass of rows of the given tasks over a computation; it trains where it is given a generator.</summary>
    public static AdaptedOutput Run(SiteBackbone backbone, Adapter adapter, IReadOnlyList<string> tasks, Func<AdapterPass, Tensor> compute, Tensor? mask = null, Rng? training = null)
    {
        backbone.Compute = compute;
        var input = new BackboneInput(Tensor.Zeros([tasks.Count, mask?.Size(1) ?? 1], DType.Int64), mask);
        return new AdaptedModel(backbone).Forward(input, [.. tasks.Select(t => new RowAdapter(adapter, t))], training is not null, training);
    }
}
