using System.Text.Json;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Reads rows from lines of JSON objects, blank lines left out. Stateless.</summary>
internal static class JsonLineRows
{
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    public static IEnumerable<JsonRow> Read(TextLines lines, string file)
    {
        while (lines.Next() is { } line)
        {
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return new JsonRow(file, lines.Line, Parse(line, lines.Line, file));
            }
        }
    }

    private static JsonElement Parse(string line, int number, string file)
    {
        JsonElement value;
        try
        {
            using var document = JsonDocument.Parse(line, s_strict);
            value = document.RootElement.Clone();
        }
        catch (JsonException fault)
        {
            throw new GraftException($"{file}, line {number}: not valid JSON ({StrictJson.Reason(fault)}); each line has to be one object.", fault);
        }

        return value.ValueKind == JsonValueKind.Object
            ? value
            : throw new GraftException($"{file}, line {number}: {StrictObject.Kind(value)}, expected one JSON object a line; mend the line.");
    }
}
