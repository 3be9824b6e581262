using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft;

/// <summary>Reads JSON that a person wrote, refusing what it does not know with the file, the line and the nearest known name. Thread-safe.</summary>
public static class StrictJson
{
    private const int LongestReason = 200;

    private const int MostBytes = 64 * 1024 * 1024;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads a file whose content is one JSON object.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">The file is missing, unreadable, not UTF-8, not JSON, or not an object.</exception>
    public static StrictObject Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        byte[] bytes;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MostBytes })
            {
                throw new GraftException($"{path}: larger than {MostBytes / 1024 / 1024} MiB, which no settings file is; name the right file.");
            }

            bytes = File.ReadAllBytes(path);
        }
        catch (Exception fault) when (fault is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new GraftException($"{path}: no such file; check the path.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path}: cannot be read ({fault.Message.TrimEnd('.')}); check that it is a file and its permissions.", fault);
        }

        return Parse(bytes, path);
    }

    /// <summary>Reads JSON text that is one object.</summary>
    /// <param name="text">The JSON.</param>
    /// <param name="where">The name that messages use for its place: a file, or an option of the command line.</param>
    /// <exception cref="GraftException">The text is not JSON or not an object.</exception>
    public static StrictObject Parse(string text, string where) => Parse(Encoding.UTF8.GetBytes(text), where);

    /// <summary>Reads UTF-8 JSON (a byte-order mark is allowed) that is one object.</summary>
    /// <param name="utf8">The bytes.</param>
    /// <param name="where">The name that messages use for its place.</param>
    /// <exception cref="GraftException">The bytes are not UTF-8, not JSON, or not an object.</exception>
    public static StrictObject Parse(ReadOnlyMemory<byte> utf8, string where)
    {
        ArgumentNullException.ThrowIfNull(where);
        if (utf8.Span.StartsWith("\uFEFF"u8))
        {
            utf8 = utf8[3..];
        }

        try
        {
            s_utf8.GetCharCount(utf8.Span);
            RefuseHalfCharacters(utf8.Span, where);
            using var document = JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var source = new JsonSource(where, utf8);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new StrictObject(document.RootElement.Clone(), source, "")
                : throw new GraftException($"{where}: the JSON is {StrictObject.Kind(document.RootElement)}, expected one object in braces.");
        }
        catch (DecoderFallbackException fault)
        {
            throw new GraftException($"{where}: not UTF-8 at byte {fault.Index}; save the file as UTF-8.", fault);
        }
        catch (JsonException fault)
        {
            var place = fault.LineNumber is { } line ? $"{where}, line {line + 1}, byte {fault.BytePositionInLine + 1}" : where;
            throw new GraftException($"{place}: not valid JSON ({Reason(fault)}); correct it there.", fault);
        }
    }

    /// <summary>Takes an object that is in memory already; its messages name keys but no lines.</summary>
    /// <param name="value">The object.</param>
    /// <param name="where">The name that messages use for its place.</param>
    /// <exception cref="GraftException">A key occurs twice.</exception>
    public static StrictObject From(JsonObject value, string where)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(where);
        using var document = JsonDocument.Parse(value.ToJsonString());
        return new StrictObject(document.RootElement.Clone(), new JsonSource(where, null), "");
    }

    /// <summary>Refuses escapes such as \uD800 alone: they are JSON, but no text.</summary>
    private static void RefuseHalfCharacters(ReadOnlySpan<byte> utf8, string where)
    {
        var reader = new Utf8JsonReader(utf8);
        while (reader.Read())
        {
            try
            {
                if (reader.ValueIsEscaped && reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                {
                    reader.GetString();
                }
            }
            catch (InvalidOperationException fault)
            {
                var line = JsonSource.LineAt(utf8, (int)reader.TokenStartIndex);
                throw new GraftException($"{where}, line {line}: a string holds half of a surrogate pair; write the character itself.", fault);
            }
        }
    }

    /// <summary>What a JSON error says, without the position that the sentence names already.</summary>
    /// <param name="fault">The error.</param>
    internal static string Reason(JsonException fault)
    {
        var text = fault.Message;
        foreach (var tail in new[] { " LineNumber:", " Path:", " Change the reader options" })
        {
            var at = text.IndexOf(tail, StringComparison.Ordinal);
            text = at < 0 ? text : text[..at];
        }

        // The reader quotes the file from the fault to its end, line breaks included.
        text = string.Concat(text.Trim().TrimEnd('.').Select(c => char.IsControl(c) ? ' ' : c));
        return text.Length > LongestReason ? $"{text[..(LongestReason / 2)]} ... {text[^(LongestReason / 2)..]}" : text;
    }
}

/// <summary>Where a piece of JSON came from, and on which line each of its values stands. Immutable.</summary>
internal sealed class JsonSource(string where, ReadOnlyMemory<byte>? utf8)
{
    public string Where { get; } = where;

    /// <summary>The place of a value as messages name it: the file, and the line when the text is known.</summary>
    public string At(string path) => utf8 is { } bytes && LineOf(bytes.Span, path) is { } line ? $"{Where}, line {line}" : Where;

    private static int? LineOf(ReadOnlySpan<byte> bytes, string wanted)
    {
        var reader = new Utf8JsonReader(bytes);
        var open = new Stack<(string Path, int Item)>();
        var name = "";
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                name = Join(open.Peek().Path, reader.GetString()!);
                if (name == wanted)
                {
                    return LineAt(bytes, (int)reader.TokenStartIndex);
                }

                continue;
            }

            if (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
            {
                open.Pop();
                continue;
            }

            if (open.TryPeek(out var top) && top.Item >= 0)
            {
                name = $"{top.Path}[{top.Item}]";
                open.Pop();
                open.Push((top.Path, top.Item + 1));
                if (name == wanted)
                {
                    return LineAt(bytes, (int)reader.TokenStartIndex);
                }
            }

            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
            {
                open.Push((name, reader.TokenType == JsonTokenType.StartArray ? 0 : -1));
            }
        }

        return null;
    }

    public static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";

    public static int LineAt(ReadOnlySpan<byte> bytes, int offset) => bytes[..offset].Count((byte)'\n') + 1;
}
