using System.Text.Json;
using Graft.Text;
using Xunit;

namespace Graft.Tests.Text;

/// <summary>A text with what the reference library gives for it (the second text's tokens begin at <c>Boundary</c>), as <c>tests/oracles/tokenizers.cjs</c> prints it.</summary>
internal sealed record OracleCase(
    string Text,
    string? Pair,
    int? MaxLength,
    bool Special,
    int[] Ids,
    int[] Types,
    string[] Tokens,
    int[] Offsets,
    int Boundary,
    string Mask,
    string Decoded,
    string DecodedAll)
{
    public static IEnumerable<OracleCase> Read(TextReader reader)
    {
        while (reader.ReadLine() is { } line)
        {
            using var document = JsonDocument.Parse(line);
            yield return Parse(document.RootElement);
        }
    }

    /// <summary>The first difference to what the tokenizer gives, or null.</summary>
    public string? Difference(Tokenizer tokenizer)
    {
        var actual = tokenizer.Encode(Text, Pair, MaxLength, Special);
        var offsets = CodePointOffsets(actual);
        return Differs("ids", Ids, actual.Ids)
            ?? Differs("tokens", Tokens, actual.Tokens)
            ?? Differs("type ids", Types, actual.TypeIds)
            ?? Differs("offsets", Offsets, offsets)
            ?? Differs("special tokens mask", Mask, string.Concat(actual.SpecialTokensMask.Select(b => b ? '1' : '0')))
            ?? Differs("decoded text", Decoded, tokenizer.Decode(Ids))
            ?? Differs("decoded text with special tokens", DecodedAll, tokenizer.Decode(Ids, skipSpecialTokens: false));
    }

    public static OracleCase Parse(JsonElement root)
    {
        return new OracleCase(
            Units(root.GetProperty("text"))!,
            Units(root.GetProperty("pair")),
            root.GetProperty("maxLength").GetInt32() is > 0 and var length ? length : null,
            root.GetProperty("special").GetBoolean(),
            Numbers(root.GetProperty("ids")),
            Numbers(root.GetProperty("types")),
            [.. root.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()!)],
            Numbers(root.GetProperty("offsets")),
            root.GetProperty("boundary").GetInt32(),
            root.GetProperty("mask").GetString()!,
            root.GetProperty("decoded").GetString()!,
            root.GetProperty("decodedAll").GetString()!);
    }

    private static string? Units(JsonElement value) =>
        value.ValueKind == JsonValueKind.Null ? null : new string(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, char>(value.GetBytesFromBase64()));

    private static int[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(n => n.GetInt32())];

    /// <summary>The offsets counted in code points, half a surrogate pair as one.</summary>
    private int[] CodePointOffsets(Encoding encoding)
    {
        var first = CodePointIndex(Text);
        var second = CodePointIndex(Pair ?? string.Empty);
        var result = new int[encoding.Length * 2];
        for (var i = 0; i < encoding.Length; i++)
        {
            var index = Boundary < 0 || i < Boundary ? first : second;
            result[2 * i] = index[Math.Min(encoding.Offsets[i].Start, index.Length - 1)];
            result[(2 * i) + 1] = index[Math.Min(encoding.Offsets[i].End, index.Length - 1)];
        }

        return result;
    }

    private static int[] CodePointIndex(string text)
    {
        var index = new int[text.Length + 1];
        for (var i = 1; i <= text.Length; i++)
        {
            index[i] = index[i - 1] + (i > 1 && char.IsSurrogatePair(text, i - 2) ? 0 : 1);
        }

        return index;
    }

    private string? Differs<T>(string what, IReadOnlyList<T> expected, IReadOnlyList<T> actual) =>
        expected.SequenceEqual(actual) ? null : Differs(what, string.Join(' ', expected), string.Join(' ', actual));

    private string? Differs(string what, string expected, string actual) => expected == actual
        ? null
        : $"{what} of {Show(Text)}{(Pair is null ? string.Empty : " with " + Show(Pair))} (at most {MaxLength}, special {Special}):\n  expected {expected}\n  actual   {actual}";

    private static string Show(string text) =>
        "'" + string.Concat(text.Select(c => c is >= ' ' and < (char)127 ? c.ToString() : $"\\u{(int)c:x4}")) + "'";
}

internal static class OracleAssert
{
    /// <summary>Every case gives what the reference library gave; the message shows the first few that differ.</summary>
    public static void AllAgree(Tokenizer tokenizer, IEnumerable<OracleCase> cases)
    {
        var count = 0;
        var differences = new List<string>();
        foreach (var one in cases)
        {
            count++;
            if (one.Difference(tokenizer) is { } difference)
            {
                differences.Add(difference);
            }
        }

        Assert.True(differences.Count == 0, $"{differences.Count} of {count} cases differ:\n{string.Join('\n', differences.Take(5))}");
        Assert.True(count > 0, "there is no case");
    }
}
