namespace Graft.Torch;

/// <summary>Limits the length of the gradient of all parameters together. One thread.</summary>
public static class GradientClip
{
    private const double Guard = 1e-6;

    private static readonly Op s_norms = new("aten::_foreach_norm", "Scalar");
    private static readonly Op s_scale = new("aten::_foreach_mul_", "Scalar");

    /// <summary>Scales all gradients by min(1, maxNorm / (norm + 1e-6)), norm being the Euclidean one over all of them.</summary>
    /// <param name="parameters">The parameters; those without gradient do not count.</param>
    /// <param name="maxNorm">The largest norm; infinity only measures.</param>
    /// <returns>The norm before scaling; when it is infinite or NaN the gradients are left as they are.</returns>
    public static double ClipNorm_(IEnumerable<Parameter> parameters, double maxNorm)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        using var quiet = Autograd.NoGrad();
        using var scope = new TensorScope();
        var grads = new List<Tensor>();
        foreach (var parameter in parameters)
        {
            if (parameter.Value.Grad is { } grad) grads.Add(grad);
        }

        if (grads.Count == 0) return 0;
        var norm = Total(s_norms.CallMany(Arg.Tensors(grads))!);
        var before = norm.ToDouble();
        if (!double.IsFinite(before)) return before;
        var scale = (maxNorm / (norm + Guard)).ToDouble();
        if (scale < 1) s_scale.Run(Arg.Tensors(grads), scale);
        return before;
    }

    private static Tensor Total(Tensor[] norms)
    {
        var first = norms[0];
        for (var i = 1; i < norms.Length; i++)
        {
            // Gradients of mixed types or devices meet in single precision where the first one is.
            if (norms[i].DType != first.DType || norms[i].Device != first.Device)
            {
                return Tensor.Stack([.. norms.Select(norm => norm.To(DType.Float32).To(first.Device))]).Norm();
            }
        }

        return Tensor.Stack(norms).Norm();
    }
}
