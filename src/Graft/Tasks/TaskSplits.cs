using System.Text.Json.Nodes;

namespace Graft.Tasks;

/// <summary>How a task's splits came about: what it takes to read the same rows again. Immutable.</summary>
/// <param name="Rule">Where dev and test rows come from.</param>
/// <param name="Seed">The seed of a rule that draws.</param>
/// <param name="CutSeed">The seed by which dev was cut from train; null where the task has a dev file.</param>
public sealed record TaskSplits(SplitRule Rule = SplitRule.Files, long Seed = 0, long? CutSeed = null)
{
    /// <summary>The splits as a package keeps them.</summary>
    internal JsonObject ToJson() => new()
    {
        ["rule"] = Rule.ToString().ToLowerInvariant(),
        ["seed"] = Rule == SplitRule.Files ? null : Seed,
        ["cut_seed"] = CutSeed,
    };

    /// <summary>Reads what <see cref="ToJson"/> wrote; null for anything else.</summary>
    /// <param name="json">The object.</param>
    internal static TaskSplits? From(JsonNode? json) =>
        json is JsonObject splits && splits["rule"] is JsonValue rule && rule.TryGetValue<string>(out var name) && Enum.TryParse<SplitRule>(name, ignoreCase: true, out var known)
            ? new TaskSplits(known, Whole(splits["seed"]) ?? 0, Whole(splits["cut_seed"]))
            : null;

    private static long? Whole(JsonNode? node) => node is JsonValue value && value.TryGetValue<long>(out var number) ? number : null;
}
