using Graft.Tasks;

namespace Graft.Recipes;

/// <summary>What a comparison on a file of the user's own is made of. Immutable.</summary>
public sealed record CsvSettings
{
    /// <summary>A csv or tsv file with a header; <c>jsonl</c> and <c>json</c> are read too, gzipped or not.</summary>
    public required string File { get; init; }

    /// <summary>The column of the text.</summary>
    public required string Text { get; init; }

    /// <summary>The column of the label.</summary>
    public required string Label { get; init; }

    /// <summary>The comparison's folder; null for <c>compare-NAME</c> with the file's name.</summary>
    public string? Folder { get; init; }

    /// <summary>
    /// Whether labels are classes or numbers; null for the rule: numbers (a regression) when every label is a number, more than 20 of them
    /// differ, and either some have a fraction or more than a tenth of the rows' differ; else classes.
    /// </summary>
    public TaskKind? Kind { get; init; }

    /// <summary>A backbone folder, or the name of a pulled one.</summary>
    public string Backbone { get; init; } = "minilm";
}
