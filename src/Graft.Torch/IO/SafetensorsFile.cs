using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Graft.Torch;

/// <summary>A safetensors file, mapped into memory; tensors are views of the mapping where their alignment allows.</summary>
/// <remarks>
/// Reading is thread-safe. The mapping is private: a tensor changed in place changes a copy of its pages and never the file.
/// It stays until the file object and all tensors over it are disposed. Do not shorten the file meanwhile; replacing it by a rename is fine.
/// </remarks>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Dictionary<string, TensorInfo> _tensors;
    private readonly byte* _data;
    private bool _disposed;

    private SafetensorsFile(string path, MemoryMappedFile mapping, MemoryMappedViewAccessor view, long fileBytes)
    {
        _mapping = mapping;
        _view = view;
        FilePath = path;
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            var claimed = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(start, SafetensorsHeader.LengthBytes));
            var length = SafetensorsHeader.CheckLength(path, claimed, fileBytes);
            _data = start + SafetensorsHeader.LengthBytes + length;
            DataBytes = fileBytes - SafetensorsHeader.LengthBytes - length;
            var header = SafetensorsHeader.Parse(path, new ReadOnlySpan<byte>(start + SafetensorsHeader.LengthBytes, length), DataBytes);
            _tensors = header.Tensors;
            Metadata = header.Metadata;
        }
        catch
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            throw;
        }
    }

    /// <summary>The path that was opened.</summary>
    public string FilePath { get; }

    /// <summary>The number of bytes after the header.</summary>
    public long DataBytes { get; }

    /// <summary>The texts stored beside the tensors.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The names of the tensors, in the header's order.</summary>
    public IReadOnlyCollection<string> Keys => _tensors.Keys;

    /// <summary>Maps a file and checks its header.</summary>
    /// <param name="path">The file.</param>
    /// <returns>The open file.</returns>
    /// <exception cref="GraftException">The file is missing, unreadable, truncated, or its header is not consistent.</exception>
    public static SafetensorsFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        MemoryMappedFile? mapping = null;
        MemoryMappedViewAccessor? view = null;
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1);
            var length = stream.Length;
            if (length < SafetensorsHeader.LengthBytes)
            {
                stream.Dispose();
                throw SafetensorsHeader.Refuse(path, $"it has only {length} bytes");
            }

            mapping = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.CopyOnWrite, HandleInheritability.None, leaveOpen: false);
            view = mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.CopyOnWrite);
            return new SafetensorsFile(path, mapping, view, length);
        }
        catch (Exception e)
        {
            view?.Dispose();
            mapping?.Dispose();
            if (e is FileNotFoundException or DirectoryNotFoundException)
            {
                throw new GraftException($"There is no file '{path}'; check the path.", e);
            }

            if (e is IOException or UnauthorizedAccessException)
            {
                throw new GraftException($"'{path}' cannot be read ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); check its permissions.", e);
            }

            throw;
        }
    }

    /// <summary>Whether the file has a tensor of a name.</summary>
    /// <param name="key">The name.</param>
    /// <returns>True when it has.</returns>
    public bool Contains(string key) => _tensors.ContainsKey(key);

    /// <summary>Type, shape and place of a tensor.</summary>
    /// <param name="key">The name.</param>
    /// <returns>The facts.</returns>
    /// <exception cref="GraftException">The file has no such tensor.</exception>
    public TensorInfo Info(string key) => _tensors.TryGetValue(key, out var info)
        ? info
        : throw new GraftException($"'{FilePath}' has no tensor '{key}'; it has {_tensors.Count} others.");

    /// <summary>A tensor over the mapped bytes, or over a copy of them where they are not aligned for its type.</summary>
    /// <param name="key">The name.</param>
    /// <returns>[shape] on the CPU; it may outlive the file object.</returns>
    /// <exception cref="GraftException">The file has no such tensor.</exception>
    public Tensor Load(string key)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var info = Info(key);
        var data = _data + info.Begin;
        if ((nuint)data % (nuint)info.DType.SizeOf() == 0)
        {
            return Tensor.Over(data, info.Shape, info.DType, new MappingLease(_view.SafeMemoryMappedViewHandle));
        }

        var copy = Tensor.Empty(info.Shape, info.DType);
        var bytes = info.End - info.Begin;
        Buffer.MemoryCopy(data, (void*)copy.DataPointer(), bytes, bytes);
        return copy;
    }

    /// <summary>The bytes of a tensor as they are in the file, valid until this object is disposed.</summary>
    /// <param name="key">The name.</param>
    /// <returns>The bytes.</returns>
    /// <exception cref="GraftException">The file has no such tensor.</exception>
    /// <exception cref="InvalidOperationException">The tensor has 2 GiB or more; use <see cref="CopyTo"/>.</exception>
    public ReadOnlySpan<byte> Bytes(string key)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var info = Info(key);
        var length = info.End - info.Begin;
        if (length > int.MaxValue) throw new InvalidOperationException($"The tensor '{key}' has {length} bytes, too many for one span.");
        return new ReadOnlySpan<byte>(_data + info.Begin, (int)length);
    }

    /// <summary>Writes the bytes of a tensor as they are in the file to a stream.</summary>
    /// <param name="key">The name.</param>
    /// <param name="target">Where they go.</param>
    /// <exception cref="GraftException">The file has no such tensor.</exception>
    public void CopyTo(string key, Stream target)
    {
        ArgumentNullException.ThrowIfNull(target);
        ObjectDisposedException.ThrowIf(_disposed, this);
        var info = Info(key);
        NativeBytes.Write(target, _data + info.Begin, info.End - info.Begin);
    }

    /// <summary>Closes the file; its memory goes when the last tensor over it is disposed.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
    }

    /// <summary>Keeps the mapping while a tensor over it lives.</summary>
    private sealed class MappingLease : IDisposable
    {
        private readonly SafeBuffer _buffer;

        internal MappingLease(SafeBuffer buffer)
        {
            var taken = false;
            buffer.DangerousAddRef(ref taken);
            _buffer = buffer;
        }

        public void Dispose() => _buffer.DangerousRelease();
    }
}

/// <summary>Native memory as spans of a size that spans can have.</summary>
internal static unsafe class NativeBytes
{
    private const int ChunkBytes = 1 << 26;

    internal static void Write(Stream target, byte* data, long length)
    {
        for (var done = 0L; done < length; done += ChunkBytes)
        {
            target.Write(new ReadOnlySpan<byte>(data + done, (int)Math.Min(ChunkBytes, length - done)));
        }
    }
}
