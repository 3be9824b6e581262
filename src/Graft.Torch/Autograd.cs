using Graft.Torch.Native;

namespace Graft.Torch;

/// <summary>Gradients, and regions without them. The mode belongs to each thread.</summary>
public static class Autograd
{
    /// <summary>Whether operators of the calling thread record their work.</summary>
    public static bool IsEnabled
    {
        get
        {
            NativeMethods.GradMode(out var enabled);
            return enabled != 0;
        }
    }

    /// <summary>Stops the recording of operators on this thread until the region is disposed.</summary>
    /// <returns>The region: <c>using var quiet = Autograd.NoGrad();</c>.</returns>
    public static GradRegion NoGrad() => new(enabled: false);

    /// <summary>Resumes the recording of operators on this thread until the region is disposed.</summary>
    /// <returns>The region.</returns>
    public static GradRegion WithGrad() => new(enabled: true);

    /// <summary>The gradients of a single number with respect to tensors; nothing is added to their <see cref="Tensor.Grad"/>.</summary>
    /// <param name="loss">[], the number.</param>
    /// <param name="inputs">The tensors.</param>
    /// <param name="allowUnused">Whether an input that the number does not depend on gives null, not an error.</param>
    /// <param name="keepGraph">Whether another pass over the same graph is to come.</param>
    /// <param name="createGraph">Whether the gradients can be differentiated in turn.</param>
    /// <returns>One gradient for each input, of its shape.</returns>
    /// <exception cref="TorchException">An input is not used and that is not allowed, or the loss has no history.</exception>
    public static unsafe IReadOnlyList<Tensor?> Grad(
        Tensor loss, IReadOnlyList<Tensor> inputs, bool allowUnused = false, bool keepGraph = false, bool createGraph = false)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(inputs);
        var handles = new nint[inputs.Count];
        var found = new nint[inputs.Count];
        for (var i = 0; i < handles.Length; i++) handles[i] = inputs[i].Pointer;
        fixed (nint* from = handles)
        fixed (nint* to = found)
        {
            NativeMethods.Grad(
                loss.Handle, 0, from, handles.Length, keepGraph || createGraph ? 1 : 0, createGraph ? 1 : 0, allowUnused ? 1 : 0, to);
        }

        GC.KeepAlive(inputs);
        var grads = new Tensor?[found.Length];
        for (var i = 0; i < grads.Length; i++) grads[i] = found[i] == 0 ? null : new Tensor(found[i]);
        return grads;
    }
}

/// <summary>A region in which the calling thread records operators, or does not; its end restores what was before.</summary>
public readonly ref struct GradRegion : IDisposable
{
    private readonly bool _before;

    internal GradRegion(bool enabled)
    {
        _before = Autograd.IsEnabled;
        NativeMethods.SetGradMode(enabled ? 1 : 0);
    }

    /// <summary>Restores the mode from before the region.</summary>
    public void Dispose() => NativeMethods.SetGradMode(_before ? 1 : 0);
}
