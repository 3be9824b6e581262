using System.CommandLine;

namespace Graft.Cli;

/// <summary>A command whose help page ends with examples that can be pasted.</summary>
internal abstract class CommandWithExamples(string name, string description, params string[] examples)
    : Command(name, description)
{
    /// <summary>Whole command lines, beginning with <c>graft</c>; a remark may follow after <c>#</c>.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;

    /// <summary>What follows the options on the help page: one paragraph, or nothing.</summary>
    public string Remarks { get; init; } = "";
}
