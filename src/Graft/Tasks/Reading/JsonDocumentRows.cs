using System.Text;
using System.Text.Json;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Reads rows from one JSON document or one value of it: a list of objects or of lists, or an object whose values are such. Stateless.</summary>
internal static class JsonDocumentRows
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static List<Row> Read(Stream stream, string file, string? member) => Read(stream, file, (document, name) => Rows(document.Span, name, member));

    /// <summary>The rows of one document in UTF-8; none where it is blank.</summary>
    /// <param name="stream">The document.</param>
    /// <param name="file">Its name.</param>
    /// <param name="rows">Finds the rows in it.</param>
    /// <exception cref="GraftException">The document is no UTF-8 or no JSON, or what finds the rows says so.</exception>
    public static List<Row> Read(Stream stream, string file, Func<ReadOnlyMemory<byte>, string, List<Row>> rows)
    {
        using var whole = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (stream.Read(buffer, 0, buffer.Length) is > 0 and var read)
        {
            whole.Write(buffer, 0, read);
        }

        ReadOnlyMemory<byte> document = whole.GetBuffer().AsMemory(0, (int)whole.Length);
        document = document.Span.StartsWith("\uFEFF"u8) ? document[3..] : document;
        var bytes = document.Span;
        if (bytes.Trim(" \t\r\n"u8).IsEmpty)
        {
            return [];
        }

        try
        {
            s_utf8.GetCharCount(bytes);
            return rows(document, file);
        }
        catch (InvalidOperationException fault)
        {
            throw new GraftException($"{file}: a name holds half of a surrogate pair; write the character itself.", fault);
        }
        catch (DecoderFallbackException fault)
        {
            var line = bytes[..Math.Max(0, fault.Index)].Count((byte)'\n') + 1;
            throw new GraftException($"{file}, line {line}: not UTF-8 at byte {fault.Index}; save the file as UTF-8.", fault);
        }
        catch (JsonException fault)
        {
            throw new GraftException($"{file}, line {(fault.LineNumber ?? 0) + 1}: not valid JSON ({StrictJson.Reason(fault)}); correct it there.", fault);
        }
    }

    private static List<Row> Rows(ReadOnlySpan<byte> bytes, string file, string? member)
    {
        var reader = new Utf8JsonReader(bytes);
        reader.Read();
        if (member is not null)
        {
            GoTo(ref reader, member, file);
        }

        var depth = reader.CurrentDepth;
        if (reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
        {
            var what = member is null ? "the JSON" : $"'{member}'";
            throw new GraftException($"{file}: {what} is neither a list nor an object, expected a list of rows; correct the file.");
        }

        var rows = new List<Row>();
        var (line, counted) = (1, 0);
        while (reader.Read() && (member is null || reader.CurrentDepth > depth))
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.EndArray or JsonTokenType.EndObject)
            {
                continue;
            }

            var start = (int)reader.TokenStartIndex;
            line += bytes[counted..start].Count((byte)'\n');
            counted = start;
            var value = JsonElement.ParseValue(ref reader);
            if (value.ValueKind == JsonValueKind.Object && value.EnumerateObject().GroupBy(p => p.Name, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            {
                throw new GraftException($"{file}, line {line}: the row has '{twice.Key}' twice; remove one.");
            }

            rows.Add(value.ValueKind is JsonValueKind.Object or JsonValueKind.Array
                ? new JsonRow(file, line, value)
                : throw new GraftException($"{file}, line {line}: {StrictObject.Kind(value)}, expected an object for each row; correct the file."));
        }

        // The rest of a document of which one value is read has to be JSON too, as a file cut short is damaged, and may not hold other rows of that name.
        while (reader.Read())
        {
            if (member is not null && reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == depth && reader.ValueTextEquals(member))
            {
                throw new GraftException($"{file}: '{member}' is there twice; remove one.");
            }
        }

        return rows;
    }

    private static void GoTo(ref Utf8JsonReader reader, string member, string file)
    {
        var names = new List<string>();
        while (reader.TokenType == JsonTokenType.StartObject || names.Count > 0)
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.PropertyName)
            {
                break;
            }

            names.Add(reader.GetString()!);
            reader.Read();
            if (names[^1] == member)
            {
                return;
            }

            reader.Skip();
        }

        throw new GraftException(names.Count == 0
            ? $"{file}: the JSON is no object with names, expected one that holds '{member}'; correct the file."
            : $"{file}: no '{member}' among {Suggest.List([.. names.Select(n => $"'{n}'")])}; correct the file.");
    }
}
