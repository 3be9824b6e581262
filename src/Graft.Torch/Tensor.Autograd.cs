using Graft.Torch.Native;

namespace Graft.Torch;

/// <content>Gradients.</content>
public sealed partial class Tensor
{
    private static readonly Op s_detach = new("aten::detach");

    /// <summary>Whether operators record their work on this tensor so that gradients can flow to it.</summary>
    /// <exception cref="TorchException">Set on a tensor of integers, or cleared on one that an operator made.</exception>
    public bool RequiresGrad
    {
        get
        {
            NativeMethods.TensorRequiresGrad(_handle, out var result);
            return result != 0;
        }

        set => NativeMethods.TensorSetRequiresGrad(_handle, value ? 1 : 0);
    }

    /// <summary>The gradient gathered by <see cref="Backward"/>; null when there is none. Each read gives a fresh reference.</summary>
    public Tensor? Grad
    {
        get
        {
            NativeMethods.TensorGrad(_handle, out var grad);
            return grad == 0 ? null : new Tensor(grad);
        }

        set
        {
            NativeMethods.TensorSetGrad(_handle, value?.Pointer ?? 0);
            GC.KeepAlive(value);
        }
    }

    /// <summary>Adds the gradient of this number to every leaf that it depends on.</summary>
    /// <param name="gradient">[shape], the gradient of the whole with respect to this tensor; left out for a single number.</param>
    /// <param name="keepGraph">Whether a second pass over the same graph is to come.</param>
    /// <exception cref="TorchException">The tensor depends on nothing that requires gradients, or is no single number.</exception>
    public void Backward(Tensor? gradient = null, bool keepGraph = false)
    {
        NativeMethods.Backward(_handle, gradient?.Pointer ?? 0, keepGraph ? 1 : 0);
        GC.KeepAlive(gradient);
    }

    /// <summary>The same memory without the history of operators.</summary>
    /// <returns>As this tensor; no gradient flows through it.</returns>
    public Tensor Detach() => s_detach.Call(this);
}
