using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>
/// The linear maps of a head, <c>V drop(x) + b</c> or <c>V drop(tanh(U drop(x) + c)) + b</c>; V [C, W] and U [W, W] are N(0, 0.02), biases zero. The parameters are the
/// head's: <c>weight</c>, <c>bias</c>, and of two layers <c>hidden.weight</c> and <c>hidden.bias</c> in front of them. Thread contract: as the head.
/// </summary>
internal sealed class LinearLayers
{
    private const string Hidden = "hidden.";

    private readonly double _dropout;
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly Parameter? _hidden;
    private readonly Parameter? _hiddenBias;

    /// <summary>Creates the maps.</summary>
    /// <param name="add">Gives the head a parameter.</param>
    /// <param name="outputs">C.</param>
    /// <param name="width">W.</param>
    /// <param name="layers">1 or 2.</param>
    /// <param name="dropout">The dropout in front of each map.</param>
    /// <param name="rng">The generator of the initial weights.</param>
    public LinearLayers(Func<string, Tensor, bool, Parameter> add, int outputs, int width, int layers, double dropout, Rng rng)
    {
        _dropout = dropout;
        if (layers == 2)
        {
            _hidden = add(Hidden + "weight", rng.Normal([width, width], 0, 0.02), true);
            _hiddenBias = add(Hidden + "bias", Tensor.Zeros([width], DType.Float32, Device.Cpu), true);
        }

        _weight = add("weight", rng.Normal([outputs, width], 0, 0.02), true);
        _bias = add("bias", Tensor.Zeros([outputs], DType.Float32, Device.Cpu), true);
    }

    /// <summary>The number of layers, once it is known to be one that there is.</summary>
    /// <param name="layers">The number.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is neither 1 nor 2.</exception>
    public static int Checked(int layers) => layers is 1 or 2
        ? layers
        : throw new ArgumentOutOfRangeException(nameof(layers), layers, $"a head has 1 or 2 layers, not {layers}");

    /// <summary>Whether a parameter has a row for each output, and is not of the layer in front.</summary>
    /// <param name="path">Its name.</param>
    public static bool IsOfOutputs(string path) => !path.StartsWith(Hidden, StringComparison.Ordinal);

    /// <summary>Computes the maps.</summary>
    /// <param name="x">[..., W], floating.</param>
    /// <param name="dropout">The generator of dropout while training; null in evaluation.</param>
    /// <returns>[..., C], in the type of the weights.</returns>
    public Tensor Apply(Tensor x, Rng? dropout)
    {
        var features = Dropped(x.To(_weight.Value.DType), dropout);
        if (_hidden is not null)
        {
            features = Dropped(F.Linear(features, _hidden, _hiddenBias?.Value).Tanh(), dropout);
        }

        return F.Linear(features, _weight, _bias);
    }

    private Tensor Dropped(Tensor features, Rng? dropout) => dropout is null ? features : F.Dropout(features, _dropout, dropout);
}
