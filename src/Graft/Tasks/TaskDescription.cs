using Graft.Tasks.TextToText;

namespace Graft.Tasks;

/// <summary>What a task file says, checked but with no rows read. Immutable.</summary>
/// <param name="Source">The file it was read from, for messages.</param>
/// <param name="Name">The task's name.</param>
/// <param name="Kind">What is predicted.</param>
/// <param name="Labels">The labels, null when they are to be found in the train files.</param>
/// <param name="MetricNames">Names of the metrics, the primary one first.</param>
/// <param name="Train">Files of the train rows, at least one.</param>
/// <param name="Dev">Files of the dev rows; none means that a share of train is cut off.</param>
/// <param name="Test">Files of the labelled test rows; none means no test split.</param>
public sealed record TaskDescription(
    string Source,
    string Name,
    TaskKind Kind,
    IReadOnlyList<string>? Labels,
    IReadOnlyList<string> MetricNames,
    IReadOnlyList<DataFile> Train,
    IReadOnlyList<DataFile> Dev,
    IReadOnlyList<DataFile> Test)
{
    /// <summary>What the file says about the task for people, null when nothing.</summary>
    public string? About { get; init; }

    /// <summary>What the file says about the task as text; null when nothing.</summary>
    public TextNames? TextToText { get; init; }

    /// <summary>The rows that each split has as published; empty when the file does not say.</summary>
    public IReadOnlyDictionary<Split, int> PublishedRows { get; init; } = new Dictionary<Split, int>();

    /// <summary>What <see cref="SplitRule.Published"/> is for this task whatever its number of rows; null where that decides.</summary>
    public SplitRule? PublishedSplit { get; init; }

    /// <summary>Whether a row has a second text.</summary>
    public bool IsPair => Train[0].Pair is not null;

    /// <summary>Whether rows belong together in groups.</summary>
    public bool IsGrouped => Train[0].Group is not null;

    /// <summary>The paths of the files that are there to be read: rows, and labels that lie elsewhere.</summary>
    /// <param name="folder">The folder that paths are relative to.</param>
    internal IEnumerable<string> FilesIn(string folder) => Train.Concat(Dev).Concat(Test)
        .SelectMany(file => file.Find(folder).Select(place => place.Path).Concat(file.Labels is { } beside ? DataFile.Existing(folder, beside.Path.Path) : []))
        .Select(Path.GetFullPath)
        .Distinct(StringComparer.Ordinal);
}
