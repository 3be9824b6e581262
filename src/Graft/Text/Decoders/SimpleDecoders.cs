using System.Globalization;
using System.Text;
using Graft.Text.Normalizers;

namespace Graft.Text.Decoders;

/// <summary>WordPiece: continuations join, words get a blank between, and the blanks before punctuation go when asked.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : Decoder
{
    private static readonly (string From, string To)[] s_cleanups =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"),
        (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];

    public static string Cleanup(string text) =>
        s_cleanups.Aggregate(text, (current, rule) => current.Replace(rule.From, rule.To, StringComparison.Ordinal));

    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces) => [.. pieces.Select((piece, i) =>
    {
        var text = i == 0 ? piece : piece.StartsWith(prefix, StringComparison.Ordinal) ? piece[prefix.Length..] : " " + piece;
        return cleanup ? Cleanup(text) : text;
    })];
}

/// <summary>Byte-level: characters back to bytes, all pieces in one; a piece with any other character counts by its own UTF-8.</summary>
internal sealed class ByteLevelDecoder : Decoder
{
    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces)
    {
        var bytes = new List<byte>();
        foreach (var piece in pieces)
        {
            if (piece.All(c => ByteAlphabet.ByteOf(c) >= 0))
            {
                bytes.AddRange(piece.Select(c => (byte)ByteAlphabet.ByteOf(c)));
            }
            else
            {
                bytes.AddRange(System.Text.Encoding.UTF8.GetBytes(piece));
            }
        }

        return [System.Text.Encoding.UTF8.GetString([.. bytes])];
    }
}

/// <summary>Metaspace: the mark becomes a blank, and goes in the first piece where it was put before the text.</summary>
internal sealed class MetaspaceDecoder(int replacement, bool prepended) : Decoder
{
    private readonly string _mark = char.ConvertFromUtf32(replacement);

    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces) =>
        [.. pieces.Select((piece, i) => piece.Replace(_mark, i == 0 && prepended ? string.Empty : " ", StringComparison.Ordinal))];
}

/// <summary>Original BPE: the end-of-word suffix becomes a blank, and goes in the last piece.</summary>
internal sealed class BpeDecoder(string suffix) : Decoder
{
    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces) => suffix.Length == 0
        ? pieces
        : [.. pieces.Select((piece, i) => piece.Replace(suffix, i == pieces.Count - 1 ? string.Empty : " ", StringComparison.Ordinal))];
}

/// <summary>Runs of pieces such as <c>&lt;0xE2&gt;</c> become the text of their bytes, or U+FFFD for each when they are no UTF-8.</summary>
internal sealed class ByteFallbackDecoder : Decoder
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces)
    {
        var output = new List<string>();
        var bytes = new List<byte>();
        foreach (var piece in pieces)
        {
            if (piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>'
                && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes.Add(value);
                continue;
            }

            Flush(bytes, output);
            output.Add(piece);
        }

        Flush(bytes, output);
        return output;
    }

    private static void Flush(List<byte> bytes, List<string> output)
    {
        if (bytes.Count == 0)
        {
            return;
        }

        try
        {
            output.Add(s_strict.GetString([.. bytes]));
        }
        catch (DecoderFallbackException)
        {
            output.AddRange(Enumerable.Repeat("\uFFFD", bytes.Count));
        }

        bytes.Clear();
    }
}

/// <summary>All pieces in one.</summary>
internal sealed class FuseDecoder : Decoder
{
    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces) => [string.Concat(pieces)];
}

/// <summary>Cuts up to <paramref name="start"/> and <paramref name="stop"/> of one character off the ends of each piece.</summary>
internal sealed class StripDecoder(int content, int start, int stop) : Decoder
{
    private readonly string _content = char.ConvertFromUtf32(content);

    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces) => [.. pieces.Select(Strip)];

    private string Strip(string piece)
    {
        var rest = piece.AsSpan();
        for (var i = 0; i < start && rest.StartsWith(_content, StringComparison.Ordinal); i++)
        {
            rest = rest[_content.Length..];
        }

        for (var i = 0; i < stop && rest.EndsWith(_content, StringComparison.Ordinal); i++)
        {
            rest = rest[..^_content.Length];
        }

        return rest.ToString();
    }
}

/// <summary>CTC: repeated pieces once, without the padding token, the word delimiter as a blank.</summary>
internal sealed class CtcDecoder(string padding, string delimiter, bool cleanup) : Decoder
{
    public override IReadOnlyList<string> Decode(IReadOnlyList<string> pieces)
    {
        var output = new List<string>();
        for (var i = 0; i < pieces.Count; i++)
        {
            if (i > 0 && pieces[i] == pieces[i - 1])
            {
                continue;
            }

            var piece = Replace(pieces[i], padding, string.Empty);
            piece = cleanup ? Replace(WordPieceDecoder.Cleanup(piece), delimiter, " ") : piece;
            if (piece.Length > 0)
            {
                output.Add(piece);
            }
        }

        return output;

        static string Replace(string text, string from, string to) => from.Length == 0 ? text : text.Replace(from, to, StringComparison.Ordinal);
    }
}
