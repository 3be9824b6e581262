using System.Buffers.Binary;
using System.IO.Compression;

namespace Graft.Tasks;

/// <summary>
/// Gzip that notices a file cut short, which <see cref="GZipStream"/> takes for its end. The last four bytes of a whole file are the length of
/// the (last) text in it; those of a cut file are compressed data, which name a longer text than was read but for one chance in thousands. One thread.
/// </summary>
internal sealed class CheckedGzip : GZipStream
{
    private readonly uint _length;
    private long _read;

    private CheckedGzip(Stream raw, uint length)
        : base(raw, CompressionMode.Decompress) => _length = length;

    /// <summary>The text of the stream when it begins like gzip, else the stream itself, from its start.</summary>
    /// <param name="raw">A stream; one that cannot seek is taken as it is.</param>
    public static Stream Unzip(Stream raw)
    {
        if (!raw.CanSeek)
        {
            return raw;
        }

        var zipped = raw.ReadByte() == 0x1F && raw.ReadByte() == 0x8B;
        if (!zipped)
        {
            raw.Position = 0;
            return raw;
        }

        Span<byte> tail = stackalloc byte[4];
        raw.Seek(-Math.Min(4, raw.Length), SeekOrigin.End);
        var whole = raw.ReadAtLeast(tail, 4, throwOnEndOfStream: false) == 4;
        raw.Position = 0;
        return new CheckedGzip(raw, whole ? BinaryPrimitives.ReadUInt32LittleEndian(tail) : uint.MaxValue);
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Counted(base.Read(buffer, offset, count), count);

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer) => Counted(base.Read(buffer), buffer.Length);

    private int Counted(int read, int wanted)
    {
        _read += read;
        return read > 0 || wanted == 0 || _read >= _length
            ? read
            : throw new InvalidDataException($"The compressed text ends after {_read} of {_length} bytes.");
    }
}
