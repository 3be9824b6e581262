namespace Graft.Torch;

/// <summary>A part of a network that owns parameters, buffers and other parts, each under an explicit key.</summary>
/// <remarks>
/// A path joins keys by dots and is the key in checkpoint files. One thread builds, moves and disposes a module;
/// what several threads may read at once is up to the derived type. Disposing frees everything it owns, once.
/// </remarks>
public abstract class Module : IDisposable
{
    private readonly List<(string Key, Parameter Parameter)> _parameters = [];
    private readonly List<(string Key, ModuleBuffer Buffer)> _buffers = [];
    private readonly List<(string Key, Module Child)> _children = [];
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    /// <summary>The number of elements of all parameters.</summary>
    public long ParameterCount
    {
        get
        {
            var count = 0L;
            foreach (var (_, parameter) in NamedParameters()) count += parameter.Value.Count;
            return count;
        }
    }

    /// <summary>Whether the module was disposed.</summary>
    public bool IsDisposed { get; private set; }

    /// <summary>The parameters of this module and of all below it, each once, in the order in which they were added.</summary>
    /// <returns>Path and parameter.</returns>
    public IEnumerable<(string Path, Parameter Parameter)> NamedParameters()
    {
        foreach (var entry in _parameters) yield return entry;
        foreach (var (key, child) in _children)
        {
            foreach (var (path, parameter) in child.NamedParameters()) yield return (Join(key, path), parameter);
        }
    }

    /// <summary>The buffers of this module and of all below it.</summary>
    /// <returns>Path and buffer.</returns>
    public IEnumerable<(string Path, ModuleBuffer Buffer)> NamedBuffers()
    {
        foreach (var entry in _buffers) yield return entry;
        foreach (var (key, child) in _children)
        {
            foreach (var (path, buffer) in child.NamedBuffers()) yield return (Join(key, path), buffer);
        }
    }

    /// <summary>The parameters of this module and of all below it.</summary>
    /// <returns>The parameters in the order of <see cref="NamedParameters"/>.</returns>
    public IEnumerable<Parameter> Parameters() => NamedParameters().Select(entry => entry.Parameter);

    /// <summary>Moves all parameters and buffers to a device; gradients are dropped, and optimizers made before are stale.</summary>
    /// <param name="device">The device.</param>
    public void MoveTo(Device device)
    {
        using var quiet = Autograd.NoGrad();
        foreach (var (_, parameter) in NamedParameters())
        {
            if (parameter.Value.Device != device) parameter.Replace(parameter.Value.To(device));
        }

        foreach (var (_, buffer) in NamedBuffers())
        {
            if (buffer.Value.Device != device) buffer.Replace(buffer.Value.To(device));
        }
    }

    /// <summary>Converts all floating parameters and buffers; gradients are dropped, and optimizers made before are stale.</summary>
    /// <param name="dtype">A floating type.</param>
    /// <exception cref="ArgumentException">The type is not floating.</exception>
    public void ConvertTo(DType dtype)
    {
        if (!dtype.IsFloating()) throw new ArgumentException($"A module can be converted to floating types, and {dtype} is none.", nameof(dtype));
        using var quiet = Autograd.NoGrad();
        foreach (var (_, parameter) in NamedParameters())
        {
            if (Differs(parameter.Value, dtype)) parameter.Replace(parameter.Value.To(dtype));
        }

        foreach (var (_, buffer) in NamedBuffers())
        {
            if (Differs(buffer.Value, dtype)) buffer.Replace(buffer.Value.To(dtype));
        }
    }

    /// <summary>Disposes every parameter, buffer and child.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the module owns.</summary>
    /// <param name="disposing">Always true: there is no finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (IsDisposed) return;
        IsDisposed = true;
        foreach (var (_, parameter) in _parameters) parameter.Value.Dispose();
        foreach (var (_, buffer) in _buffers) buffer.Value.Dispose();
        foreach (var (_, child) in _children) child.Dispose();
    }

    /// <summary>Owns a new parameter.</summary>
    /// <param name="key">The key below this module; it may hold dots.</param>
    /// <param name="value">[...], a leaf; from now on the module disposes it.</param>
    /// <param name="trainable">Whether gradients are gathered for it.</param>
    /// <returns>The parameter.</returns>
    /// <exception cref="ArgumentException">The key is empty or taken.</exception>
    protected Parameter AddParameter(string key, Tensor value, bool trainable = true)
    {
        Claim(key);
        var parameter = new Parameter(value, trainable);
        _parameters.Add((key, parameter));
        return parameter;
    }

    /// <summary>Owns a tensor that is state and not trained.</summary>
    /// <param name="key">The key below this module; it may hold dots.</param>
    /// <param name="value">[...]; from now on the module disposes it.</param>
    /// <param name="kind">Which files keep it.</param>
    /// <returns>The buffer, whose tensor is replaced when the module moves.</returns>
    /// <exception cref="ArgumentException">The key is empty or taken.</exception>
    protected ModuleBuffer AddBuffer(string key, Tensor value, BufferKind kind = BufferKind.State)
    {
        ArgumentNullException.ThrowIfNull(value);
        Claim(key);
        var buffer = new ModuleBuffer(value, kind);
        _buffers.Add((key, buffer));
        return buffer;
    }

    /// <summary>Owns another module.</summary>
    /// <typeparam name="T">The type of the child.</typeparam>
    /// <param name="key">The key below this module; it may hold dots; empty when the child's keys are this module's own.</param>
    /// <param name="child">The child; from now on this module disposes it.</param>
    /// <returns>The child.</returns>
    /// <exception cref="ArgumentException">The key is taken.</exception>
    protected T AddChild<T>(string key, T child)
        where T : Module
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(child);
        if (key.Length > 0) Claim(key);
        _children.Add((key, child));
        return child;
    }

    private static bool Differs(Tensor value, DType dtype) => value.DType.IsFloating() && value.DType != dtype;

    private static string Join(string key, string path) => key.Length == 0 ? path : $"{key}.{path}";

    private void Claim(string key)
    {
        ArgumentException.ThrowIfNullOrEmpty(key);
        if (!_keys.Add(key)) throw new ArgumentException($"The key '{key}' is taken in {GetType().Name}.", nameof(key));
    }
}
