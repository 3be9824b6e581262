using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Initial values of parameters, all from a passed generator.</summary>
public static class Init
{
    /// <summary>Uniform in ±gain·√(3 / fan_in) with gain √(2 / (1 + a²)) (He et al. 2015); <c>a = √5</c> gives ±1/√fan_in.</summary>
    /// <param name="rng">The generator.</param>
    /// <param name="outputs">The rows of the weight.</param>
    /// <param name="inputs">The columns of the weight: fan_in.</param>
    /// <param name="a">The slope of the leaky rectifier that the gain is for.</param>
    /// <returns>[outputs, inputs], float32.</returns>
    public static Tensor KaimingUniform(Rng rng, long outputs, long inputs, double a)
    {
        // In the order of torch.nn.init, so that a seed gives the same bits there.
        var bound = Math.Sqrt(3.0) * (Math.Sqrt(2.0 / (1 + (a * a))) / Math.Sqrt(inputs));
        return rng.Uniform([outputs, inputs], -bound, bound);
    }

    /// <summary>Normal with mean zero, cut off at two deviations.</summary>
    /// <param name="rng">The generator.</param>
    /// <param name="shape">The shape.</param>
    /// <param name="deviation">The deviation before the cut.</param>
    /// <returns>[...], float32.</returns>
    public static Tensor TruncatedNormal(Rng rng, ReadOnlySpan<long> shape, double deviation)
    {
        var values = rng.Normal(shape, 0, 1);
        while (values.Abs().Max().ToDouble() > 2)
        {
            values = Tensor.Where(values.Abs().Gt(2), rng.Normal(shape, 0, 1), values);
        }

        return values * deviation;
    }

    /// <summary>Weight and bias of a linear map as PyTorch starts them: both uniform in ±1/√inputs.</summary>
    /// <param name="rng">The generator.</param>
    /// <param name="outputs">The rows of the weight.</param>
    /// <param name="inputs">The columns of the weight.</param>
    /// <returns>[outputs, inputs] and [outputs], float32.</returns>
    public static (Tensor Weight, Tensor Bias) TorchLinear(Rng rng, long outputs, long inputs)
    {
        var bound = 1 / Math.Sqrt(inputs);
        return (rng.Uniform([outputs, inputs], -bound, bound), rng.Uniform([outputs], -bound, bound));
    }
}
