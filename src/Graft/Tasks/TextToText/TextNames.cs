using Graft.Torch;

namespace Graft.Tasks.TextToText;

/// <summary>What a task file says about a task as text; what it leaves out is null and has a usual value. Immutable.</summary>
/// <param name="Prefix">What a source begins with; null for the template's, or the task's name.</param>
/// <param name="Fields">The name of each text; an empty one puts the text alone. Null for the template's, or the columns'.</param>
/// <param name="Targets">The text of each label, in the order of the labels; null for their numbers.</param>
/// <param name="Decimals">Digits behind the point of a regression's targets; null for 1.</param>
/// <param name="Columns">The names of the columns that hold the texts, where they have names; otherwise null.</param>
public sealed record TextNames(
    string? Prefix = null, IReadOnlyList<string>? Fields = null, IReadOnlyList<string>? Targets = null, int? Decimals = null,
    IReadOnlyList<string>? Columns = null)
{
    /// <summary>The most digits behind the point.</summary>
    public const int MostDecimals = 6;

    /// <summary>Reads the object <c>textToText</c> of a task file.</summary>
    /// <param name="names">The object; null where the file has none.</param>
    /// <param name="kind">What the task predicts.</param>
    /// <param name="labels">The task's labels; null when they are found in its rows.</param>
    /// <param name="texts">The texts of a row.</param>
    /// <param name="columns">The names of the texts' columns, where they have names; otherwise null.</param>
    /// <exception cref="GraftException">A key is unknown, of another type, or does not fit the task.</exception>
    internal static TextNames Read(StrictObject? names, TaskKind kind, IReadOnlyList<string>? labels, int texts, IReadOnlyList<string>? columns)
    {
        if (names is null)
        {
            return new TextNames(Columns: columns);
        }

        names.Allow("prefix", "fields", "targets", "decimals");
        var (fields, targets) = (names.TextList("fields"), names.TextList("targets"));
        if (fields is not null && fields.Count != texts)
        {
            throw names.Error("fields", $"'textToText.fields' holds {fields.Count} names, and a row has {texts} {(texts == 1 ? "text" : "texts")}; name each text.");
        }

        if (targets is not null && kind is TaskKind.Regression or TaskKind.Span)
        {
            throw names.Error("targets", $"'textToText.targets' is given for a {(kind == TaskKind.Span ? "task of spans, whose targets are its answers" : "regression, whose targets are its numbers")}; remove it.");
        }

        if (targets is not null && labels is null)
        {
            throw names.Error("targets", "'textToText.targets' is given and 'labels' is not, so that their order is not known; list 'labels' too.");
        }

        if (targets is not null && (targets.Count != labels!.Count || targets.Select(t => t.Trim()).Distinct(StringComparer.Ordinal).Count() != labels.Count))
        {
            throw names.Error("targets", $"'textToText.targets' needs {labels.Count} different texts, one for each of 'labels'; correct it.");
        }

        if (targets is not null && targets.Any(t => t.Length == 0 || t != t.Trim() || (kind == TaskKind.Multilabel && (t.Contains(',', StringComparison.Ordinal) || t == TextFormat.NoLabel))))
        {
            throw names.Error("targets", $"a text of 'textToText.targets' is empty, has blanks around it, or of a multilabel task holds a comma or is '{TextFormat.NoLabel}'; choose other words.");
        }

        var decimals = names.Whole("decimals", 1);
        return decimals is >= 0 and <= MostDecimals
            ? new TextNames(names.TextOrNull("prefix"), fields, targets, names.Has("decimals") ? (int)decimals : null, columns)
            : throw names.Error("decimals", $"'textToText.decimals' is {decimals}, expected a whole number from 0 to {MostDecimals}.");
    }
}
