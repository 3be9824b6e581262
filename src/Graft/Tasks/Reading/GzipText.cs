using ICSharpCode.SharpZipLib;
using ICSharpCode.SharpZipLib.GZip;

namespace Graft.Tasks;

/// <summary>Gzip whose checksums and end are looked at: what is damaged or cut short is an <see cref="InvalidDataException"/>. One thread.</summary>
internal sealed class GzipText : GZipInputStream
{
    private readonly Stream _raw;

    private GzipText(Stream raw)
        : base(raw) => _raw = raw;

    /// <summary>The text of the stream when it begins like gzip, else the stream itself, from its start.</summary>
    /// <param name="raw">A stream; one that cannot seek is taken as it is.</param>
    public static Stream Unzip(Stream raw)
    {
        if (!raw.CanSeek)
        {
            return raw;
        }

        var zipped = raw.ReadByte() == 0x1F && raw.ReadByte() == 0x8B;
        raw.Position = 0;
        return zipped ? new GzipText(raw) : raw;
    }

    /// <summary>Reads on; the library tells some damage by exceptions of its tables.</summary>
    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count)
    {
        try
        {
            var read = base.Read(buffer, offset, count);
            return read > 0 || count == 0 || (inputBuffer.Available == 0 && _raw.Position == _raw.Length)
                ? read
                : throw new InvalidDataException("something that is no gzip follows its end");
        }
        catch (Exception fault) when (fault is SharpZipBaseException or EndOfStreamException or IndexOutOfRangeException or ArgumentException)
        {
            throw new InvalidDataException(fault.Message, fault);
        }
    }
}
