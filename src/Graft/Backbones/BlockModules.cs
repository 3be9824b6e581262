using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>Builds the modules of a backbone: takes their weights, registers their parameters under checkpoint keys, declares their sites.</summary>
internal sealed class BlockBuilder(SiteMap sites, WeightSource weights, Func<string, Tensor, Parameter> register)
{
    public SiteMap Sites => sites;

    /// <summary>A linear map with a bias under <c>path.weight</c> and <c>path.bias</c>; or without one, which a method may add.</summary>
    public LinearSite Linear(
        string path, int inputs, int outputs, SiteRole role, SiteRole sublayer, StackKind stack, int layer, bool bias = true)
    {
        var weight = Parameter(path + ".weight", ParameterKind.Weight, [outputs, inputs], sublayer, stack, layer);
        var shift = bias
            ? Parameter(path + ".bias", ParameterKind.Bias, [outputs], sublayer, stack, layer)
            : sites.Add(new ParameterSite(path + ".bias", ParameterKind.Bias, [outputs], null, sublayer, stack, layer));
        return sites.Add(new LinearSite(path, weight, shift, role, sublayer, stack, layer));
    }

    /// <summary>An embedding table under <c>path.weight</c>.</summary>
    public ParameterSite Embedding(string path, int rows, int width, StackKind stack = StackKind.Encoder) =>
        Parameter(path + ".weight", ParameterKind.Embedding, [rows, width], SiteRole.None, stack, -1);

    /// <summary>A weight outside the blocks under <c>path.weight</c>, such as that of a language model's head.</summary>
    public ParameterSite Weight(string path, int inputs, int outputs, StackKind stack) =>
        Parameter(path + ".weight", ParameterKind.Weight, [outputs, inputs], SiteRole.None, stack, -1);

    /// <summary>A layer norm under <c>path.weight</c> and <c>path.bias</c>.</summary>
    public LayerNorm LayerNorm(string path, int width, double epsilon, SiteRole sublayer, StackKind stack, int layer) => new(
        Parameter(path + ".weight", ParameterKind.NormGain, [width], sublayer, stack, layer),
        Parameter(path + ".bias", ParameterKind.NormBias, [width], sublayer, stack, layer),
        epsilon);

    /// <summary>A norm by the root of the mean square under <c>path.weight</c>.</summary>
    public RmsNorm RmsNorm(string path, int width, double epsilon, SiteRole sublayer, StackKind stack, int layer) =>
        new(Parameter(path + ".weight", ParameterKind.NormGain, [width], sublayer, stack, layer), epsilon);

    private ParameterSite Parameter(
        string key, ParameterKind kind, long[] shape, SiteRole sublayer, StackKind stack, int layer)
    {
        var parameter = register(key, weights.Take(key, shape));
        return sites.Add(new ParameterSite(key, kind, shape, parameter, sublayer, stack, layer));
    }
}

/// <summary><c>(h - mean) / sqrt(variance + ε) · gain + bias</c> over the last dimension.</summary>
internal sealed class LayerNorm(ParameterSite gain, ParameterSite bias, double epsilon)
{
    /// <summary>Normalizes a whole batch.</summary>
    public Tensor Apply(AdapterPass? pass, Tensor h) =>
        ParameterSite.Apply(pass, h, gain, bias, (x, g, b) => F.LayerNorm(x, g, b!, epsilon));

    /// <summary>Normalizes the rows of one group.</summary>
    public Tensor Apply(RowGroup rows, Tensor h) => F.LayerNorm(h, rows.Resolve(gain)!, rows.Resolve(bias)!, epsilon);
}

/// <summary>
/// <c>h / sqrt(mean(h²) + ε) · gain</c> over the last dimension: no mean is taken off and there is no bias (Zhang and Sennrich 2019, arXiv
/// 1910.07467). Frozen weights of two bytes normalize in float32 and multiply in their own type, as in Hugging Face's T5.
/// </summary>
internal sealed class RmsNorm(ParameterSite gain, double epsilon)
{
    /// <summary>Normalizes a whole batch.</summary>
    public Tensor Apply(AdapterPass? pass, Tensor h) => ParameterSite.Apply(pass, h, gain, null, (x, g, _) =>
    {
        var wide = x.DType == DType.Float64 ? x : x.To(DType.Float32);
        return g * (wide * (wide.Square().Mean(-1, keep: true) + epsilon).Rsqrt()).To(g.DType);
    });
}

/// <summary>The activation functions of feed-forward sublayers and adapters, by the names of <c>config.json</c>.</summary>
internal static class Activations
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> s_all = new(StringComparer.Ordinal)
    {
        ["gelu"] = x => x.Gelu(),
        ["gelu_fast"] = x => x.Gelu(tanh: true),
        ["gelu_new"] = x => x.Gelu(tanh: true),
        ["gelu_python"] = x => x.Gelu(),
        ["gelu_pytorch_tanh"] = x => x.Gelu(tanh: true),
        ["leaky_relu"] = x => x.LeakyRelu(),
        ["linear"] = x => x,
        ["mish"] = x => x * x.Softplus().Tanh(),
        ["quick_gelu"] = x => x * (x * 1.702).Sigmoid(),
        ["relu"] = x => x.Relu(),
        ["relu2"] = x => x.Relu().Square(),
        ["relu6"] = x => x.Clamp(0, 6),
        ["sigmoid"] = x => x.Sigmoid(),
        ["silu"] = x => x.Silu(),
        ["swish"] = x => x.Silu(),
        ["tanh"] = x => x.Tanh(),
    };

    public static IReadOnlyCollection<string> Names => s_all.Keys;

    public static Func<Tensor, Tensor> Get(string name) => s_all[name];
}
