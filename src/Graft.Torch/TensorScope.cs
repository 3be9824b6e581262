using Graft.Torch.Native;

namespace Graft.Torch;

/// <summary>A region whose end disposes every tensor that operators gave out inside it, unless kept or disposed before.</summary>
/// <remarks>
/// One thread: a scope covers the operators that its thread calls; scopes nest. As a ref struct it cannot live across <c>await</c>.
/// Use it as <c>using var scope = new TensorScope();</c>.
/// </remarks>
public readonly ref struct TensorScope : IDisposable
{
    private readonly ScopeFrame _frame;

    /// <summary>Opens a scope on the calling thread.</summary>
    public TensorScope() => _frame = ScopeFrame.Push();

    /// <summary>Moves a tensor to the enclosing scope, or to the caller when there is none.</summary>
    /// <param name="tensor">A tensor made inside this scope; one made outside stays where it is.</param>
    /// <returns>The same tensor.</returns>
    public Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.Scope == _frame) _frame.MoveOut(tensor);
        return tensor;
    }

    /// <summary>Disposes the tensors of the scope.</summary>
    /// <exception cref="InvalidOperationException">An inner scope is still open.</exception>
    public void Dispose() => _frame.Pop();
}

/// <summary>The tensors of one open scope; frames are reused by their thread.</summary>
internal sealed class ScopeFrame
{
    [ThreadStatic]
    private static ScopeFrame? t_top;

    [ThreadStatic]
    private static ScopeFrame? t_spare;

    private readonly List<Tensor> _tensors = [];
    private ScopeFrame? _below;

    internal static ScopeFrame? Top => t_top;

    internal static ScopeFrame Push()
    {
        var frame = t_spare ?? new ScopeFrame();
        t_spare = frame._below;
        frame._below = t_top;
        t_top = frame;
        return frame;
    }

    internal void Add(Tensor tensor)
    {
        tensor.Scope = this;
        _tensors.Add(tensor);
    }

    internal void MoveOut(Tensor tensor)
    {
        tensor.Scope = null;
        _below?.Add(tensor);
    }

    internal void Pop()
    {
        if (t_top != this) throw new InvalidOperationException("A tensor scope was closed while an inner one was open, or on another thread.");
        t_top = _below;
        foreach (var tensor in _tensors)
        {
            if (tensor.Scope == this) tensor.Dispose();
        }

        _tensors.Clear();
        _below = t_spare;
        t_spare = this;
    }
}

/// <summary>The number of tensors that the process holds. Thread-safe.</summary>
public static class LiveTensors
{
    /// <summary>Handles given out and not yet disposed, of all threads.</summary>
    public static long Count
    {
        get
        {
            NativeMethods.TensorLive(out var count);
            return count;
        }
    }
}
