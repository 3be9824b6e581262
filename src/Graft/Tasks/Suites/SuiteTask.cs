namespace Graft.Tasks.Suites;

/// <summary>One row of a task that is being built. Immutable.</summary>
/// <param name="Key">What decides the row's split and place; rows with one key stay together.</param>
/// <param name="Text">The text.</param>
/// <param name="Pair">The second text, or null.</param>
/// <param name="Label">The label.</param>
/// <param name="Group">What decides the split instead of the key where several rows must stay together, or null.</param>
internal sealed record SuiteRow(string Key, string Text, string? Pair, string Label, string? Group = null);

/// <summary>A task that is being built: its rows and how they are split. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="About">What it is and where it comes from, one or two sentences.</param>
/// <param name="Labels">The labels, in the order of their numbers.</param>
/// <param name="Metrics">Names of its metrics, the primary one first.</param>
/// <param name="TestTenths">How many tenths of the keys go to test.</param>
/// <param name="Rows">All rows.</param>
internal sealed record SuiteTask(string Name, string About, IReadOnlyList<string> Labels, IReadOnlyList<string> Metrics, int TestTenths, IReadOnlyList<SuiteRow> Rows);
