namespace Graft.Text.Normalizers;

/// <summary>The bijection between bytes and printable characters of byte-level BPE. Thread contract: immutable.</summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_chars = new char[256];
    private static readonly short[] s_bytes = new short[512];

    static ByteAlphabet()
    {
        Array.Fill(s_bytes, (short)-1);
        var spare = 256;
        for (var b = 0; b < 256; b++)
        {
            var printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            s_chars[b] = (char)(printable ? b : spare++);
            s_bytes[s_chars[b]] = (short)b;
        }
    }

    public static char CharOf(byte value) => s_chars[value];

    /// <summary>The byte that a character stands for, or -1.</summary>
    public static int ByteOf(char c) => c < s_bytes.Length ? s_bytes[c] : -1;

    /// <summary>Puts the present units [from, to) of <paramref name="text"/> as bytes; each keeps the range of its code point.</summary>
    public static void Put(AlignedText text, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            var c = text[i];
            var start = text.Starts[i];
            var end = text.Ends[i];
            if (c < 0x80)
            {
                text.Put(s_chars[c], start, end);
            }
            else if (c < 0x800)
            {
                text.Put(s_chars[0xC0 | (c >> 6)], start, end);
                text.Put(s_chars[0x80 | (c & 0x3F)], start, end);
            }
            else if (!char.IsHighSurrogate(c))
            {
                text.Put(s_chars[0xE0 | (c >> 12)], start, end);
                text.Put(s_chars[0x80 | ((c >> 6) & 0x3F)], start, end);
                text.Put(s_chars[0x80 | (c & 0x3F)], start, end);
            }
            else
            {
                var codePoint = text.CodePointAt(i++);
                text.Put(s_chars[0xF0 | (codePoint >> 18)], start, end);
                text.Put(s_chars[0x80 | ((codePoint >> 12) & 0x3F)], start, end);
                text.Put(s_chars[0x80 | ((codePoint >> 6) & 0x3F)], start, end);
                text.Put(s_chars[0x80 | (codePoint & 0x3F)], start, end);
            }
        }
    }
}
