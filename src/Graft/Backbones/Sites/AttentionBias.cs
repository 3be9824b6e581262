using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>Turns padding masks into what is added to attention scores.</summary>
internal static class AttentionBias
{
    /// <summary><c>(1 - mask) · min</c>, where <c>min</c> is the type's most negative finite number.</summary>
    /// <param name="mask">[B, T], floating: 1 where a key may be attended to.</param>
    /// <param name="dtype">The type of the scores.</param>
    /// <returns>[B, 1, 1, T].</returns>
    public static Tensor FromMask(Tensor mask, DType dtype) =>
        ((1.0 - mask.To(dtype)) * Lowest(dtype)).View(mask.Size(0), 1, 1, mask.Size(1));

    /// <summary>What keeps each token from those behind it.</summary>
    /// <param name="tokens">The number of tokens T.</param>
    /// <param name="dtype">The type of the scores.</param>
    /// <param name="device">Where they live.</param>
    /// <returns>[1, 1, T, T]: 0 on and below the diagonal, very negative above.</returns>
    public static Tensor Causal(long tokens, DType dtype, Device device) =>
        Tensor.Full([1, 1, tokens, tokens], Lowest(dtype), dtype, device).UpperTriangle(1);

    private static double Lowest(DType dtype) => dtype switch
    {
        DType.Float16 => -65504.0,
        DType.BFloat16 => -3.3895313892515355e38,
        DType.Float64 => double.MinValue,
        _ => float.MinValue,
    };
}
