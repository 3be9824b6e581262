using System.Text;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// Lines of a stream, which end in a line feed, with or without a carriage return before it. In UTF-8 a byte-order mark is left out, and bytes that are not
/// UTF-8 are refused with their line and offset; in Latin-1 every byte is a character. One thread.
/// </summary>
/// <param name="stream">The stream.</param>
/// <param name="file">What messages call it.</param>
/// <param name="latin1">Whether it is Latin-1 and not UTF-8.</param>
/// <param name="rows">Whether it holds a task's rows, whose encoding can be set; false for plain texts.</param>
internal sealed class TextLines(Stream stream, string file, bool latin1 = false, bool rows = true)
{
    private const int MostBytes = 64 * 1024 * 1024;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private byte[] _buffer = new byte[64 * 1024];
    private int _start;
    private int _end;
    private long _consumed;

    /// <summary>The number of the line that was read last, counted from 1; 0 before the first.</summary>
    public int Line { get; private set; }

    /// <summary>The next line without its end, or null after the last.</summary>
    public string? Next()
    {
        var line = NextWithEnd();
        return line switch
        {
            null => null,
            [.., '\r', '\n'] => line[..^2],
            [.., '\n'] => line[..^1],
            _ => line,
        };
    }

    /// <summary>The next line with its end, or null after the last.</summary>
    public string? NextWithEnd()
    {
        var scanned = 0;
        int length;
        while (true)
        {
            var feed = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf((byte)'\n');
            if (feed >= 0)
            {
                length = scanned + feed + 1;
                break;
            }

            scanned = _end - _start;
            if (!Fill())
            {
                length = scanned;
                break;
            }
        }

        if (length == 0)
        {
            return null;
        }

        Line++;
        var bytes = _buffer.AsSpan(_start, length);
        var mark = _consumed == 0 && bytes.StartsWith("\uFEFF"u8) ? 3 : 0;
        var text = Decode(bytes[mark..], _consumed + mark);
        _start += length;
        _consumed += length;
        return mark > 0 && text.Length == 0 ? NextWithEnd() : text;
    }

    private string Decode(ReadOnlySpan<byte> bytes, long offset)
    {
        if (latin1)
        {
            return Encoding.Latin1.GetString(bytes);
        }

        try
        {
            return s_utf8.GetString(bytes);
        }
        catch (DecoderFallbackException fault)
        {
            var wrong = fault.BytesUnknown is [var first, ..] ? $" (0x{first:X2})" : "";
            throw new GraftException($"{file}, line {Line}: not UTF-8 at byte {offset + Math.Max(0, fault.Index)}{wrong}; save the file as UTF-8{(rows ? ", or set \"encoding\" to \"latin1\"" : "")}.", fault);
        }
    }

    private bool Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= MostBytes)
            {
                throw new GraftException($"{file}, line {Line + 1}: longer than {MostBytes / 1024 / 1024} MiB, {(rows ? "which no row is; name a file of text rows" : "which no line of text is; name a text file, or break its lines")}.");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        return read > 0;
    }
}

/// <summary>The characters of <see cref="TextLines"/> as a stream, for a parser that wants one. One thread.</summary>
internal sealed class TextLinesReader(TextLines lines) : TextReader
{
    private string _line = "";
    private int _at;

    public override int Peek() => More() ? _line[_at] : -1;

    public override int Read() => More() ? _line[_at++] : -1;

    public override int Read(char[] buffer, int index, int count) => Read(buffer.AsSpan(index, count));

    public override int Read(Span<char> buffer)
    {
        if (buffer.IsEmpty || !More())
        {
            return 0;
        }

        var taken = Math.Min(buffer.Length, _line.Length - _at);
        _line.AsSpan(_at, taken).CopyTo(buffer);
        _at += taken;
        return taken;
    }

    private bool More()
    {
        if (_at == _line.Length)
        {
            (_line, _at) = (lines.NextWithEnd() ?? "", 0);
        }

        return _at < _line.Length;
    }
}
