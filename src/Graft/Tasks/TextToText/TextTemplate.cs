namespace Graft.Tasks.TextToText;

/// <summary>How a generated text is read as an answer.</summary>
public enum TextReading
{
    /// <summary>The text without blanks around it is the text of a label.</summary>
    Label,

    /// <summary>The text is a whole number, and so is the text of a label.</summary>
    Whole,

    /// <summary>The text is a number.</summary>
    Number,

    /// <summary>The text is a list of texts of labels with commas between them.</summary>
    Labels,

    /// <summary>The text is the answer.</summary>
    Answer,
}

/// <summary>How the authors of HyperFormer and PHA write a known task as text. Immutable.</summary>
/// <param name="Prefix">What a source begins with.</param>
/// <param name="Fields">The names of the texts, in their order; an empty one puts the text alone.</param>
/// <param name="Reading">How a generated text is read.</param>
public sealed record TextTemplate(string Prefix, IReadOnlyList<string> Fields, TextReading Reading = TextReading.Label)
{
    /// <summary>Other names that the task goes by.</summary>
    public IReadOnlyList<string> Aliases { get; private init; } = [];

    /// <summary>The labels' names in the order of their numbers, where data may list them otherwise; empty where labels are numbers.</summary>
    public IReadOnlyList<string> Labels { get; private init; } = [];

    /// <summary>
    /// The table: section 2 of shared/specs/pha.md, from Bumble666/PHA and rabeehk/hyperformer (data/tasks.py). Sources are
    /// <c>PREFIX NAME: TEXT NAME: TEXT</c>, targets the numbers of the labels.
    /// </summary>
    public static IReadOnlyList<TextTemplate> All { get; } =
    [
        new("cola", ["sentence"], TextReading.Whole),
        new("sst2", ["sentence"]),
        new("mrpc", ["sentence1", "sentence2"], TextReading.Whole),
        new("stsb", ["sentence1", "sentence2"], TextReading.Number),
        new("qqp", ["question1", "question2"], TextReading.Whole),
        new("mnli", ["premise", "hypothesis"]) { Aliases = ["mnli-mm"], Labels = ["entailment", "neutral", "contradiction"] },
        new("qnli", ["question", "sentence"]) { Labels = ["entailment", "not_entailment"] },
        new("rte", ["sentence1", "sentence2"]) { Labels = ["entailment", "not_entailment"] },
        new("wnli", ["sentence1", "sentence2"]),
        new("superglue-boolq", ["question", "passage"]) { Aliases = ["boolq"], Labels = ["false", "true"] },
        new("superglue-cb", ["premise", "hypothesis"]) { Aliases = ["cb"], Labels = ["entailment", "contradiction", "neutral"] },
        new("superglue-rte", ["premise", "hypothesis"]) { Labels = ["entailment", "not_entailment"] },
        new("superglue-multirc", ["question", "answer", "paragraph"], TextReading.Whole) { Aliases = ["multirc"] },
        new("superglue-wic", ["sentence1", "sentence2", "word"]) { Aliases = ["wic"], Labels = ["false", "true"] },
        new("superglue-wsc.fixed", ["text"]) { Aliases = ["superglue-wsc", "wsc"] },
        new("scitail", ["sentence1", "sentence2"]) { Labels = ["entailment", "neutral"] },
        new("paws", ["sentence1", "sentence2"]),
        new("imdb", [""]),
        new("yelp_polarity", ["sentence"]) { Aliases = ["yelp"] },
        new("trec", ["sentence"]),
        new("snli", ["premise", "hypothesis"]) { Labels = ["entailment", "neutral", "contradiction"] },
        new("", ["question", "context"], TextReading.Answer) { Aliases = ["squad", "squad-v1.1", "squad2", "squad-v2.0"] },
        new("anli", ["premise", "hypothesis"]) { Labels = ["entailment", "neutral", "contradiction"] },
    ];

    /// <summary>The template of a task, whatever the case and hyphens of its name (<c>SST-2</c>, <c>sst2</c>), or null.</summary>
    /// <param name="name">The task's name.</param>
    public static TextTemplate? Find(string name) =>
        All.FirstOrDefault(t => t.Aliases.Append(t.Prefix).Any(n => Plain(n) == Plain(name)));

    /// <summary>The number of each of a task's labels: its place among <see cref="Labels"/> where these are the task's, otherwise its place in the task's own list.</summary>
    /// <param name="labels">The task's labels.</param>
    public IReadOnlyList<int> Numbers(IReadOnlyList<string> labels)
    {
        var known = Labels.Select(Plain).ToList();
        var places = labels.Select(l => known.IndexOf(Plain(l))).ToList();
        return places.Count == known.Count && places.Order().SequenceEqual(Enumerable.Range(0, known.Count))
            ? places
            : [.. Enumerable.Range(0, labels.Count)];
    }

    private static string Plain(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
}
