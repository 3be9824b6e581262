using System.Text.RegularExpressions;
using Graft.Torch;

namespace Graft.Tasks;

/// <summary>
/// Unfolds the objects of SuperGLUE's tasks whose rows belong together: COPA, MultiRC and ReCoRD become one row for each possible answer, with the column
/// <c>group</c> for what they answer; WSC gets its marks. Sources: super.gluebenchmark.com's files; marks and removals of rabeehk/hyperformer, data/tasks.py,
/// and Raffel et al. 2020 (T5), appendix D. Stateless.
/// </summary>
internal static partial class SuperGlueRows
{
    private static readonly string[] s_copa = ["premise", "question", "asked", "choice", "label", "group"];
    private static readonly string[] s_multirc = ["paragraph", "question", "answer", "label", "group"];
    private static readonly string[] s_record = ["passage", "query", "filled", "entity", "label", "group"];
    private static readonly string[] s_wsc = ["text", "label"];

    /// <summary>The rows of one object.</summary>
    /// <param name="row">The object.</param>
    /// <param name="layout">The task that it is of.</param>
    /// <exception cref="GraftException">The object is not one of that task.</exception>
    public static List<Row> Read(JsonRow row, RowLayout layout)
    {
        try
        {
            return layout switch
            {
                RowLayout.Copa => Copa(new JsonPlace(row, row.Value, "")),
                RowLayout.Multirc => Multirc(new JsonPlace(row, row.Value, "")),
                RowLayout.Record => Record(new JsonPlace(row, row.Value, "")),
                _ => [Wsc(new JsonPlace(row, row.Value, ""))],
            };
        }
        catch (InvalidOperationException)
        {
            throw row.Error("a string holds half of a surrogate pair; write the character itself.");
        }
    }

    private static List<Row> Copa(JsonPlace row)
    {
        var question = row.Text("question");
        var asked = question switch
        {
            "cause" => "What was the cause of this?",
            "effect" => "What happened as a result?",
            _ => throw row.Row.Error($"'question' is '{question}', expected cause or effect; mend the row."),
        };
        var right = row.Whole("label");
        if (right is not (0 or 1))
        {
            throw row.Row.Error($"'label' is {right}, expected 0 or 1 for the first or the second choice; mend the row.");
        }

        var columns = new Columns(row.Row.File, s_copa, s_copa.Length);
        return [.. Enumerable.Range(0, 2).Select(i => new DelimitedRow(
            row.Row.File, row.Row.Line,
            [row.Text("premise"), question, asked, row.Text($"choice{i + 1}"), i == right ? "true" : "false", $"{row.Row.Line}"], columns))];
    }

    private static List<Row> Multirc(JsonPlace row)
    {
        var columns = new Columns(row.Row.File, s_multirc, s_multirc.Length);
        if (!row.Has("passage"))
        {
            // Hugging Face's files have an object for each answer, the rows of a question one after another.
            var (flat, asked) = (Paragraph(row.Text("paragraph")), row.Text("question"));
            return [new DelimitedRow(row.Row.File, row.Row.Line, [flat, asked, row.Text("answer"), row.Scalar("label"), $"{flat}|{asked}"], columns)];
        }

        var passage = row.Object("passage");
        var paragraph = Paragraph(passage.Text("text"));
        var rows = new List<Row>();
        foreach (var question in passage.List("questions"))
        {
            foreach (var answer in question.List("answers"))
            {
                var label = answer.Whole("label");
                rows.Add(label is 0 or 1
                    ? new DelimitedRow(
                        row.Row.File, row.Row.Line,
                        [paragraph, question.Text("question"), answer.Text("text"), $"{label}", $"{row.Row.Line}, {question.Path}"], columns)
                    : throw row.Row.Error($"'{answer.Path}.label' is {label}, expected 0 or 1; mend the row."));
            }
        }

        return rows;
    }

    private static string Paragraph(string text) => Markup().Replace(text.Replace("<br>", " ", StringComparison.Ordinal), "");

    private static List<Row> Record(JsonPlace row)
    {
        if (!row.Has("qas"))
        {
            // Hugging Face's files have an object for each query, entities and answers as their texts.
            return Record(row, row.Text("passage"), Distinct(row.Row.Texts(Column.Named("entities"), "\n")), row.Row.Texts(Column.Named("answers"), "\n"), "");
        }

        var passage = row.Object("passage");
        var text = passage.Text("text");
        var entities = Distinct(passage.List("entities").Select(e => e.Span(text)));
        return [.. row.List("qas").SelectMany(query => Record(query, text, entities, query.List("answers").Select(a => a.Text("text")), query.Path))];

        static List<string> Distinct(IEnumerable<string> entities) => [.. entities.Distinct(StringComparer.Ordinal)];
    }

    private static List<Row> Record(JsonPlace query, string passage, List<string> entities, IEnumerable<string> answers, string path)
    {
        var (file, line) = (query.Row.File, query.Row.Line);
        var right = answers.Select(AnswerMetrics.Normalized).ToHashSet(StringComparer.Ordinal);
        if (!entities.Exists(IsRight))
        {
            throw query.Row.Error($"{(path.Length == 0 ? "the query" : $"'{path}'")} has no answer among the {entities.Count} entities of its passage; mend the row.");
        }

        var plain = Highlight().Replace(AfterStop().Replace(passage, "${stop} "), ". ");
        var columns = new Columns(file, s_record, s_record.Length);
        var asked = query.Text("query");
        return [.. entities.Select(e => new DelimitedRow(
            file, line, [plain, asked, asked.Replace("@placeholder", e, StringComparison.Ordinal), e, IsRight(e) ? "true" : "false", path.Length == 0 ? $"{line}" : $"{line}, {path}"], columns))];

        bool IsRight(string entity) => right.Contains(AnswerMetrics.Normalized(entity));
    }

    private static DelimitedRow Wsc(JsonPlace row)
    {
        // Hugging Face's files have the spans beside the text, SuperGLUE's in an object of their own.
        var target = row.Has("target") ? row.Object("target") : row;
        var text = row.Text("text");
        var (first, second) = (target.Word(text, "span1"), target.Word(text, "span2"));
        if (first.End > second.Start && second.End > first.Start)
        {
            throw row.Row.Error("the two spans overlap, expected a noun and a pronoun apart; mend the row.");
        }

        // The later mark first, so that the earlier place still holds.
        var marked = first.Start < second.Start
            ? Marked(Marked(text, second, '#'), first, '*')
            : Marked(Marked(text, first, '*'), second, '#');
        return new DelimitedRow(row.Row.File, row.Row.Line, [marked, row.Scalar("label")], new Columns(row.Row.File, s_wsc, s_wsc.Length));
    }

    private static string Marked(string text, (int Start, int End) span, char mark) =>
        $"{text[..span.Start]}{mark} {text[span.Start..span.End]} {mark}{text[span.End..]}";

    [GeneratedRegex("</?b>", RegexOptions.None, 5000)]
    private static partial Regex Markup();

    [GeneratedRegex("""(?<stop>[.?!"'])\n@highlight\n""", RegexOptions.None, 5000)]
    private static partial Regex AfterStop();

    [GeneratedRegex("\n@highlight\n", RegexOptions.None, 5000)]
    private static partial Regex Highlight();
}
