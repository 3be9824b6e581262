using System.Text.Json;
using Graft.Tasks.Spans;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// Reads the questions of a SQuAD file, 1.1 or 2.0: <c>data[].paragraphs[].{context, qas[].{id, question, answers[], is_impossible}}</c>, one row
/// each. Errors name the path of the value, as official files are one line. Stateless. Source: rajpurkar/SQuAD-explorer (shared/specs/unipelt.md 3.3).
/// </summary>
internal static class SquadRows
{
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    /// <summary>The rows of a document that was checked to be UTF-8.</summary>
    /// <param name="bytes">The document.</param>
    /// <param name="file">Its name.</param>
    public static List<Row> Read(ReadOnlyMemory<byte> bytes, string file) => new Document(bytes, file).Rows();

    private sealed class Document(ReadOnlyMemory<byte> bytes, string file)
    {
        private readonly List<Row> _rows = [];
        private int _line = 1;
        private int _counted;

        public List<Row> Rows()
        {
            var reader = new Utf8JsonReader(bytes.Span);
            reader.Read();
            Members(ref reader, "", "data", Articles);
            reader.Read();
            return _rows;
        }

        private delegate void Reading(ref Utf8JsonReader reader, string path);

        private void Articles(ref Utf8JsonReader reader, string path) => Items(ref reader, path, (ref r, at) => Members(ref r, at, "paragraphs", Paragraphs));

        private void Paragraphs(ref Utf8JsonReader reader, string path) => Items(ref reader, path, Paragraph);

        /// <summary>An object of which one member is read and the others are passed over.</summary>
        private void Members(ref Utf8JsonReader reader, string path, string name, Reading read)
        {
            Expect(ref reader, path, JsonTokenType.StartObject, $"an object with '{name}', as SQuAD's files have");
            var found = false;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var wanted = reader.ValueTextEquals(name);
                reader.Read();
                if (!wanted)
                {
                    reader.Skip();
                    continue;
                }

                if (found)
                {
                    throw Error(path, $"has '{name}' twice; remove one.");
                }

                found = true;
                read(ref reader, JsonSource.Join(path, name));
            }

            if (!found)
            {
                throw Error(path, $"has no '{name}', expected SQuAD's form: data, paragraphs, qas; mend the file, or say its format.");
            }
        }

        private void Items(ref Utf8JsonReader reader, string path, Reading read)
        {
            Expect(ref reader, path, JsonTokenType.StartArray, "a list");
            for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++)
            {
                read(ref reader, $"{path}[{i}]");
            }
        }

        private void Paragraph(ref Utf8JsonReader reader, string path)
        {
            Expect(ref reader, path, JsonTokenType.StartObject, "an object with 'context' and 'qas'");
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            try
            {
                using var parsed = JsonDocument.Parse(bytes[start..(int)reader.BytesConsumed], s_strict);
                Questions(parsed.RootElement, path);
            }
            catch (JsonException fault)
            {
                throw Error(path, $"is no JSON object as it should be ({StrictJson.Reason(fault)}); mend it.", fault);
            }
            catch (InvalidOperationException fault)
            {
                throw Error(path, "holds a string with half of a surrogate pair; write the character itself.", fault);
            }
        }

        private void Questions(JsonElement paragraph, string path)
        {
            var context = Text(paragraph, "context", path);
            var questions = paragraph.TryGetProperty("qas", out var qas) && qas.ValueKind == JsonValueKind.Array
                ? qas
                : throw Error(path, "has no list 'qas', expected the questions about its context; mend the paragraph.");
            var number = 0;
            foreach (var question in questions.EnumerateArray())
            {
                var place = $"{path}.qas[{number++}]";
                if (question.ValueKind != JsonValueKind.Object)
                {
                    throw Error(place, $"is {StrictObject.Kind(question)}, expected an object with 'question' and 'answers'; mend it.");
                }

                var id = question.TryGetProperty("id", out var named) ? Scalar(named, $"{place}.id") : "";
                var answers = question.TryGetProperty("answers", out var given)
                    ? AnswerReader.Read(given, context, (at, sentence) => Error($"{place}.answers{at}", sentence))
                    : throw Error(place, "has no 'answers', expected a list of them, empty for a question without answer; mend it.");
                if (answers.Count > 0 && question.TryGetProperty("is_impossible", out var impossible) && impossible.ValueKind == JsonValueKind.True)
                {
                    throw Error(place, "is called impossible and has answers; empty its list, or correct 'is_impossible'.");
                }

                _rows.Add(new SquadRow(file, _line, place, id, Text(question, "question", place), context, answers));
            }
        }

        private string Text(JsonElement of, string name, string path) => of.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()!
            : throw Error(path, $"has no text '{name}'; mend it.");

        private string Scalar(JsonElement value, string path) => value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!,
            JsonValueKind.Number => value.GetRawText(),
            _ => throw Error(path, $"is {StrictObject.Kind(value)}, expected text; mend it."),
        };

        private void Expect(ref Utf8JsonReader reader, string path, JsonTokenType type, string expected)
        {
            var start = (int)reader.TokenStartIndex;
            _line += bytes.Span[_counted..start].Count((byte)'\n');
            _counted = start;
            if (reader.TokenType != type)
            {
                throw Error(path, $"is not {expected}; mend the file, or say its format.");
            }
        }

        private GraftException Error(string path, string sentence, Exception? fault = null) =>
            new($"{file}, line {_line}: {(path.Length == 0 ? "the document" : path)} {sentence}", fault);
    }
}

/// <summary>A question of a SQuAD file; its columns are <c>id</c>, <c>question</c>, <c>context</c> and <c>answers</c>.</summary>
internal sealed class SquadRow(string file, int line, string place, string id, string question, string context, IReadOnlyList<AnswerSpan> answers) : Row(file, line)
{
    private static readonly string[] s_columns = ["id", "question", "context", "answers"];

    public override string Text(Column column) => column.Name switch
    {
        "id" => id,
        "question" => question,
        "context" => context,
        _ => throw Unknown(column),
    };

    public override IReadOnlyList<AnswerSpan> Answers(Column column, string context) => column.Name == "answers" ? answers : throw Unknown(column);

    public override string? TextOrNull(string name) => name == "id" ? id : null;

    private GraftException Unknown(Column column) => Error(
        $"{place} has no column {column} that fits, as a SQuAD file has {Suggest.List(s_columns)}; name text 'question', textPair 'context' and label 'answers'.");
}
