using System.Text;
using System.Text.Json;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Reads rows from one JSON document: a list of objects, or an object whose values are objects. Stateless.</summary>
internal static class JsonDocumentRows
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static List<Row> Read(Stream stream, string file)
    {
        using var whole = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (stream.Read(buffer, 0, buffer.Length) is > 0 and var read)
        {
            whole.Write(buffer, 0, read);
        }

        var bytes = whole.GetBuffer().AsSpan(0, (int)whole.Length);
        bytes = bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
        if (bytes.Trim(" \t\r\n"u8).IsEmpty)
        {
            return [];
        }

        try
        {
            s_utf8.GetCharCount(bytes);
            return Rows(bytes, file);
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

    private static List<Row> Rows(ReadOnlySpan<byte> bytes, string file)
    {
        var reader = new Utf8JsonReader(bytes);
        reader.Read();
        if (reader.TokenType is not (JsonTokenType.StartArray or JsonTokenType.StartObject))
        {
            throw new GraftException($"{file}: the JSON is neither a list nor an object, expected a list of rows; correct the file.");
        }

        var rows = new List<Row>();
        var (line, counted) = (1, 0);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.EndArray or JsonTokenType.EndObject)
            {
                continue;
            }

            var start = (int)reader.TokenStartIndex;
            line += bytes[counted..start].Count((byte)'\n');
            counted = start;
            var value = JsonElement.ParseValue(ref reader);
            rows.Add(value.ValueKind == JsonValueKind.Object
                ? new JsonRow(file, line, value)
                : throw new GraftException($"{file}, line {line}: {StrictObject.Kind(value)}, expected an object for each row; correct the file."));
        }

        return rows;
    }
}
