using System.Text.Json.Nodes;

namespace Graft.Evaluation.Comparisons;

/// <summary>What a hypothesis says of its method, against each other method that it names.</summary>
public enum HypothesisKind
{
    /// <summary>Its mean score is higher.</summary>
    Better,

    /// <summary>Its mean score is not lower by more than a margin.</summary>
    AsGood,

    /// <summary>Its lead is larger with the fewest training rows of the plan than with the most.</summary>
    LeadsMoreWithLess,
}

/// <summary>
/// A statement that a comparison tests, such as a paper's claim: written into the plan before the runs, so that the verdict is not chosen
/// after them. Immutable.
/// </summary>
/// <param name="Text">The statement in words.</param>
/// <param name="Method">The method that it is about.</param>
/// <param name="Kind">What it says.</param>
/// <param name="Than">The methods that it is held against; it has to be true against each.</param>
public sealed record Hypothesis(string Text, string Method, HypothesisKind Kind, IReadOnlyList<string> Than)
{
    /// <summary>The margin where none is given: one point.</summary>
    public const double UsualMargin = 0.01;

    /// <summary>The numbers of training rows with which it has to be true; null for all of the plan.</summary>
    public IReadOnlyList<int?>? Sizes { get; init; }

    /// <summary>The row of the matrix that it is about; null for the mean over all.</summary>
    public string? Task { get; init; }

    /// <summary>As good: how much lower the mean score may be, as a fraction.</summary>
    public double Margin { get; init; } = UsualMargin;

    /// <summary>The most bytes that the method's adapters may take, as a share of the other's, heads and manifests apart; null where nothing is said of them.</summary>
    public double? StorageRatio { get; init; }

    /// <summary>The hypothesis as a plan writes it.</summary>
    internal JsonObject ToJson() => new()
    {
        ["text"] = Text,
        ["method"] = Method,
        ["is"] = HypothesisWords.Of(Kind),
        ["than"] = new JsonArray([.. Than.Select(t => (JsonNode?)t)]),
        ["sizes"] = Sizes is null ? null : new JsonArray([.. Sizes.Select(s => (JsonNode?)(s is { } rows ? rows : ComparisonPlan.AllRows))]),
        ["task"] = Task,
        ["margin"] = Margin,
        ["storage_ratio"] = StorageRatio,
    };
}

/// <summary>How kinds of hypotheses are written in plans.</summary>
internal static class HypothesisWords
{
    private static readonly IReadOnlyDictionary<string, HypothesisKind> s_kinds = new Dictionary<string, HypothesisKind>(StringComparer.Ordinal)
    {
        ["better"] = HypothesisKind.Better,
        ["as_good"] = HypothesisKind.AsGood,
        ["leads_more_with_less"] = HypothesisKind.LeadsMoreWithLess,
    };

    public static IReadOnlyList<string> All { get; } = [.. s_kinds.Keys];

    public static string Of(HypothesisKind kind) => s_kinds.Single(k => k.Value == kind).Key;

    public static HypothesisKind? Kind(string word) => s_kinds.TryGetValue(word, out var kind) ? kind : null;
}
