using System.Globalization;

namespace Graft.Tasks.TextToText;

/// <summary>
/// A task as text: how rows are written for the encoder, what the decoder has to write, and how what it wrote is read. Immutable.
/// </summary>
/// <param name="Prefix">What a source begins with; empty for nothing.</param>
/// <param name="Fields">The name of each text of a row; an empty one puts the text alone.</param>
/// <param name="Targets">The text of each label; empty for regression and spans.</param>
/// <param name="Reading">How a generated text is read.</param>
/// <param name="Decimals">Digits behind the point of a regression's targets.</param>
public sealed record TextFormat(
    string Prefix, IReadOnlyList<string> Fields, IReadOnlyList<string> Targets, TextReading Reading, int Decimals = 1)
{
    /// <summary>What a row of no label has as target.</summary>
    public const string NoLabel = "none";

    /// <summary>What a question without answer has as target.</summary>
    public const string NoAnswer = "unanswerable";

    /// <summary>
    /// The format of a task: what its file says, then the template of its name, then its own name, the names of its columns (or <c>sentence</c>,
    /// <c>sentence1</c> and <c>sentence2</c>) and the numbers of its labels.
    /// </summary>
    /// <param name="task">The task.</param>
    public static TextFormat Of(TaskDefinition task)
    {
        ArgumentNullException.ThrowIfNull(task);
        var (names, texts) = (task.Text ?? new TextNames(), task.IsPair ? 2 : 1);
        var template = TextTemplate.Find(task.Name) is { } found && Fits(found, task, texts) ? found : null;
        IReadOnlyList<string> usual = names.Columns ?? (texts == 1 ? ["sentence"] : ["sentence1", "sentence2"]);
        var numbers = template?.Numbers(task.Labels) ?? [.. Enumerable.Range(0, task.Labels.Count)];
        return new TextFormat(
            names.Prefix ?? template?.Prefix ?? task.Name,
            names.Fields ?? template?.Fields ?? usual,
            names.Targets ?? [.. numbers.Select(n => n.ToString(CultureInfo.InvariantCulture))],
            names.Targets is null && template is not null ? template.Reading : Usual(task.Kind),
            names.Decimals ?? 1);
    }

    /// <summary>What the encoder reads: the prefix, then every text behind its name and a colon, with one space between all of them.</summary>
    /// <param name="texts">The texts of a row, as many as <see cref="Fields"/>.</param>
    /// <exception cref="ArgumentException">Another number of texts.</exception>
    public string Source(params IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (texts.Count != Fields.Count)
        {
            throw new ArgumentException($"A row of '{Prefix}' has {Fields.Count} texts, and {texts.Count} were given.", nameof(texts));
        }

        IEnumerable<string> parts = Fields.Zip(texts, (name, text) => name.Length == 0 ? text : $"{name}: {text}");
        return string.Join(' ', Prefix.Length == 0 ? parts : parts.Prepend(Prefix));
    }

    /// <summary>What the decoder has to write: the text of the label, those of all labels with <c>", "</c> between them, the rounded number, or the first answer.</summary>
    /// <param name="row">A labelled row.</param>
    public string Target(Example row) => Reading switch
    {
        TextReading.Number => Rounded(row.Score),
        TextReading.Answer => row.Answers.Count == 0 ? NoAnswer : row.Answers[0].Text,
        TextReading.Labels => row.Labels.Count == 0 ? NoLabel : string.Join(", ", row.Labels.Select(l => Targets[l])),
        _ => Targets[row.Label],
    };

    /// <summary>
    /// Reads what the decoder wrote: 1 for the label that the text names and 0 for the others, or the number. Where the text names none, every
    /// value is NaN; a text that lists labels is read as those that it names, and one that is the answer itself has no values.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <returns>One value per label, or the number alone.</returns>
    public float[] Read(string text)
    {
        var written = text.Trim();
        switch (Reading)
        {
            case TextReading.Number:
                return [double.TryParse(written, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? (float)number : float.NaN];
            case TextReading.Answer:
                return [];
            case TextReading.Labels:
                var named = written.Split(',', StringSplitOptions.TrimEntries);
                return [.. Targets.Select(t => named.Contains(t, StringComparer.Ordinal) ? 1f : 0f)];
            default:
                var label = Reading == TextReading.Whole ? LabelOfNumber(written) : IndexOf(written);
                return [.. Targets.Select((_, i) => label < 0 ? float.NaN : i == label ? 1f : 0f)];
        }
    }

    /// <summary>The answer that a text gives to a question: the text, or nothing where it says that there is none.</summary>
    /// <param name="text">The text.</param>
    public static string AnswerIn(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Trim() is var answer && answer != NoAnswer ? answer : "";
    }

    private static bool Fits(TextTemplate template, TaskDefinition task, int texts) =>
        template.Fields.Count == texts && (template.Reading == TextReading.Number) == (task.Kind == TaskKind.Regression)
        && (template.Reading == TextReading.Answer) == (task.Kind == TaskKind.Span) && task.Kind != TaskKind.Multilabel;

    private static TextReading Usual(TaskKind kind) => kind switch
    {
        TaskKind.Regression => TextReading.Number,
        TaskKind.Multilabel => TextReading.Labels,
        TaskKind.Span => TextReading.Answer,
        _ => TextReading.Label,
    };

    // np.round(score, 1) of a number that the authors' library keeps in single precision, written as Python writes it.
    private string Rounded(double score)
    {
        var scale = Math.Pow(10, Decimals);
        var rounded = Math.Round((float)score * scale, MidpointRounding.ToEven) / scale;
        var text = rounded.ToString(CultureInfo.InvariantCulture);
        return Decimals > 0 && text.All(c => char.IsAsciiDigit(c) || c == '-') ? text + ".0" : text;
    }

    private int LabelOfNumber(string written)
    {
        if (!int.TryParse(written, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            return -1;
        }

        return IndexOf(number.ToString(CultureInfo.InvariantCulture));
    }

    private int IndexOf(string target)
    {
        for (var i = 0; i < Targets.Count; i++)
        {
            if (Targets[i] == target)
            {
                return i;
            }
        }

        return -1;
    }
}
