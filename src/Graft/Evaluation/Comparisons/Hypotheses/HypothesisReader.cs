using System.Text.Json;
using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <summary>Reads the hypotheses of a plan, which name what the plan has. Thread contract: one thread.</summary>
/// <param name="plan">The plan, as far as it could be read.</param>
/// <param name="json">Its object.</param>
internal sealed class HypothesisReader(ComparisonPlan plan, StrictObject json)
{
    /// <summary>Reads one.</summary>
    /// <param name="value">The item of the list.</param>
    /// <param name="key">Its place.</param>
    /// <param name="entry">The item as an object; null where it is none.</param>
    /// <exception cref="GraftException">A key is missing, unknown or wrong, or names what the plan has not.</exception>
    public Hypothesis Read(JsonElement value, string key, StrictObject? entry)
    {
        if (entry is null)
        {
            throw json.Error(key, $"'{key}' is {StrictObject.Kind(value)}, expected an object with 'text', 'method', 'is' and 'than'; correct it.");
        }

        entry.Allow("text", "method", "is", "than", "sizes", "task", "margin", "storage_ratio");
        var word = entry.Text("is");
        var kind = HypothesisWords.Kind(word) ?? throw entry.Error("is", $"'is' is '{word}'; {Suggest.Hint(word, HypothesisWords.All)}");
        var method = Method(entry, "method", entry.Text("method"));
        var than = entry.TextList("than") is { Count: > 0 } others
            ? others.Select(other => Method(entry, "than", other)).ToList()
            : throw entry.Error("than", "'than' names no method, expected a list of the plan's methods; add it.");
        if (than.Contains(method, StringComparer.Ordinal))
        {
            throw entry.Error("than", $"'{method}' is held against itself; name other methods.");
        }

        IReadOnlyList<int?>? sizes = entry.Has("sizes") ? [.. entry.Items("sizes").Select(item => Size(entry, item.Value, item.Key)).Distinct()] : null;
        if (kind == HypothesisKind.LeadsMoreWithLess && (sizes ?? plan.Sizes).Count < 2)
        {
            throw entry.Error("is", $"'{word}' is about two numbers of training rows, and there is one; give the plan another size.");
        }

        return new Hypothesis(entry.Text("text"), method, kind, than)
        {
            Sizes = sizes,
            Task = entry.TextOrNull("task") is { } task ? Named(entry, "task", task, [.. plan.Tasks.Select(t => t.Name)], "task") : null,
            Margin = FromZero(entry, "margin") ?? Hypothesis.UsualMargin,
            StorageRatio = FromZero(entry, "storage_ratio"),
        };
    }

    private string Method(StrictObject entry, string key, string name) => Named(entry, key, name, [.. plan.Methods.Select(m => m.Name)], "method");

    private static string Named(StrictObject entry, string key, string name, IReadOnlyList<string> names, string what) =>
        names.Contains(name, StringComparer.Ordinal)
            ? name
            : throw entry.Error(key, $"the plan has no {what} called '{name}'; {Suggest.Hint(name, names)}");

    private int? Size(StrictObject entry, JsonElement value, string key) =>
        ComparisonPlanReader.Size(entry, value, key) is var size && plan.Sizes.Contains(size)
            ? size
            : throw entry.Error(key, $"the plan has no size {size?.ToString() ?? ComparisonPlan.AllRows}; name sizes that it has.");

    private static double? FromZero(StrictObject entry, string key) => !entry.Has(key) ? null
        : entry.Number(key, 0) is >= 0 and < double.PositiveInfinity and var number ? number
        : throw entry.Error(key, $"'{key}' is {entry.Raw(key)}, expected a number from 0 on.");
}
