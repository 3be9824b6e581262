using Graft.Methods.Core.Bottlenecks;
using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>Gives the initial weight of a generator's map.</summary>
/// <param name="outputs">What the map generates: the rows of its weight.</param>
/// <param name="fanIn">The inputs of the generated weight; 1 for a generated bias or norm.</param>
/// <returns>[outputs, P], float32.</returns>
internal delegate Tensor HeadInit(int outputs, int fanIn);

/// <summary>
/// The last maps of a hypernetwork: from features I [N, P], one affine map each, bottlenecks of width M for states of width W:
/// <c>D = view(W_D I + c_D, [M, W])</c>, <c>U = view(W_U I + c_U, [W, M])</c>, b_D, b_U, and where asked a norm's γ and β.
/// </summary>
internal sealed class BottleneckHeads : Module
{
    private readonly int _width;
    private readonly int _bottleneck;
    private readonly DenseProjection _down;
    private readonly DenseProjection _downBias;
    private readonly DenseProjection _up;
    private readonly DenseProjection _upBias;
    private readonly DenseProjection? _gain;
    private readonly DenseProjection? _bias;

    /// <summary>Creates the maps; their own biases start at zero.</summary>
    /// <param name="width">W.</param>
    /// <param name="bottleneck">M.</param>
    /// <param name="norm">Whether a norm is generated too.</param>
    /// <param name="init">Gives the initial weights.</param>
    public BottleneckHeads(int width, int bottleneck, bool norm, HeadInit init)
    {
        (_width, _bottleneck) = (width, bottleneck);
        _down = Head("down", width * bottleneck, width);
        _downBias = Head("down_bias", bottleneck, 1);
        _up = Head("up", width * bottleneck, bottleneck);
        _upBias = Head("up_bias", width, 1);
        _gain = norm ? Head("norm_gain", width, 1) : null;
        _bias = norm ? Head("norm_bias", width, 1) : null;

        DenseProjection Head(string key, int outputs, int fanIn) => AddChild(key, new DenseProjection(init(outputs, fanIn)));
    }

    /// <summary>Generates a bottleneck from each row of features.</summary>
    /// <param name="features">[N, P], of the parameters' type.</param>
    /// <returns>N bottlenecks.</returns>
    public GeneratedBottleneck[] Generate(Tensor features)
    {
        // Unbinding stacks the gradients of all rows once; selecting rows one by one would add as many whole tensors.
        var down = _down.Forward(features).View(-1, _bottleneck, _width).Unbind(0);
        var downBias = _downBias.Forward(features).Unbind(0);
        var up = _up.Forward(features).View(-1, _width, _bottleneck).Unbind(0);
        var upBias = _upBias.Forward(features).Unbind(0);
        var gain = _gain?.Forward(features).Unbind(0);
        var bias = _bias?.Forward(features).Unbind(0);
        return [.. down.Select((d, n) => new GeneratedBottleneck(d, downBias[n], up[n], upBias[n], gain?[n], bias?[n]))];
    }

    /// <summary>The number of trained values: (P + 1)(2 W M + M + W), and (P + 1) 2 W with a norm.</summary>
    /// <param name="features">P.</param>
    /// <param name="width">W.</param>
    /// <param name="bottleneck">M.</param>
    /// <param name="norm">Whether a norm is generated too.</param>
    public static long Count(int features, int width, int bottleneck, bool norm) =>
        (features + 1L) * ((2L * width * bottleneck) + bottleneck + width + (norm ? 2L * width : 0));
}
