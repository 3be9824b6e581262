using System.Globalization;
using Graft.Evaluation.Comparisons;

namespace Graft.Evaluation.Reports;

/// <summary>What a report says in words, the same on the page and in Markdown. Immutable.</summary>
/// <param name="comparison">The comparison, with at least one finished run.</param>
internal sealed class ReportWords(Comparison comparison)
{
    private readonly ComparisonPlan _plan = comparison.Plan;
    private readonly IReadOnlyList<ComparisonRun> _runs = comparison.Runs;

    /// <summary>What scores are: the metric, where all tasks have the same.</summary>
    public string Score => Metrics is [var only] ? only : "score";

    /// <summary>What was compared, in a sentence.</summary>
    public string Deck =>
        $"{Many(_plan.Methods.Count, "method")}, {Many(_plan.Tasks.Count, "task")}, {Listed(_plan.Sizes.Select(Rows))} training rows, {Many(_plan.Seeds.Count, "seed")}: "
        + $"{Many(comparison.Planned, "run")} on {Path.GetFileName(_plan.Backbone.TrimEnd('/'))}, each with the same budget"
        + (_plan.LearningRateFactors.Count > 1 ? " and the same search for a learning rate." : ".");

    /// <summary>What is missing, in a sentence; null where nothing is.</summary>
    public string? Incomplete => comparison.Planned - _runs.Count is var missing and > 0
        ? $"{Many(missing, "run")} of {Amounts.Count(comparison.Planned)} {(missing == 1 ? "is" : "are")} missing. All numbers are of those that are finished; which ones are missing is listed at the end."
        : null;

    // A method on a model of its own, or with an adapter that is not new, is no comparison of methods alone, so the page says so.
    private string OtherBeginnings => string.Concat(_plan.Methods.Select(m =>
        (m.Backbone is { } backbone ? $"; {m.Name} on {backbone}" : "") + (m.Start is { } start ? $"; {m.Name} begins at {start}" : "")));

    /// <summary>How it was made: a name and a text each.</summary>
    public IReadOnlyList<IReadOnlyList<string>> Facts =>
    [
        ["Backbone", $"{_plan.Backbone}, frozen, in {_plan.Precision} on {_plan.Device}{OtherBeginnings}"],
        ["Budget", Budget],
        ["Learning rate", Rates],
        ["Scores", Scores],
        ["Intervals", "95 % bootstrap, which draws seeds anew within each task: they speak of these tasks, not of others."],
        ["Seeds", $"{Listed(_plan.Seeds.Select(s => s.ToString(CultureInfo.InvariantCulture)))}: the rows drawn, their order, initial values and dropout."],
        ["Machine", string.Join("; ", _runs.Select(r => $"{r.Cpu}, {Many(r.Threads, "thread")}").Distinct(StringComparer.Ordinal))],
        ["Versions", string.Join("; ", _runs.Select(r => string.Join(", ", r.Versions.Select(v => $"{v.Key} {v.Value}"))).Distinct(StringComparer.Ordinal))],
        ["Made by", $"graft compare {_plan.Name}.json, with the plan below; graft report makes this page from its results anew."],
    ];

    private IReadOnlyList<string> Metrics => [.. _runs.SelectMany(r => r.Scores).Select(s => s.Metric).Distinct(StringComparer.Ordinal)];

    private string Budget =>
        $"{(_plan.Steps is { } steps ? Many(steps, "step") : $"{(_plan.Epochs ?? 5).ToString(CultureInfo.InvariantCulture)} passes over the rows")}, {Many(_plan.Batch, "row")} a step, the same for every run; "
        + $"{Many(_plan.Evaluations, "evaluation")} on dev{(_plan.Evaluations > 1 ? ", spread evenly, of which the best is kept" : "")}"
        + (_plan.TrainRows is { } train ? $"; at most {Many(train, "training row")} of a task" : "")
        + (_plan.MaxTokens is { } tokens ? $"; rows of at most {Many(tokens, "token")}." : ".")
        + (_plan.Tasks.Any(t => t.Tasks.Count > 1) ? " Each task of a mixture gets that: alone where it has an adapter of its own, together and in sum where tasks share one." : "");

    private string Rates => _plan.LearningRateFactors.Count > 1
        ? $"The method's own times {Listed(_plan.LearningRateFactors.Select(f => f.ToString(CultureInfo.InvariantCulture)))}, each tried with the first seed of every method, task and number of rows; the best on dev serves the other seeds."
        : $"The method's own times {_plan.LearningRateFactors[0].ToString(CultureInfo.InvariantCulture)}, without a search.";

    private string Scores
    {
        get
        {
            var splits = _runs.SelectMany(r => r.Scores).Select(s => s.Split).Distinct(StringComparer.Ordinal).ToList();
            var split = splits is [var only] ? only : "test, or dev where a task has no labelled test rows";
            var most = splits is ["dev"] ? _plan.DevRows : _plan.TestRows;
            var chosen = splits.Contains("dev") ? " Dev also chose the step and the rate, so scores on it flatter a little." : " Test was looked at once, for the step and rate that dev had chosen.";
            return $"{Listed(Metrics)} times 100, on {split}{(most is { } rows ? $" (at most {Many(rows, "row")})" : "")}.{chosen}";
        }
    }

    /// <summary>A missing run in words.</summary>
    /// <param name="run">The run.</param>
    public static string Missing(MissingRun run) => $"{run.Method} on {run.Task}, {Rows(run.Size)} rows, seed {run.Seed}";

    /// <summary>How a storage account was made, and what to hold against it.</summary>
    /// <param name="account">The account.</param>
    public static string Storage(StorageAccount account)
    {
        var differing = account.Methods.Where(m => m.Difference > 0).Select(m => $"{m.Method} by up to {Amounts.Bytes(m.Difference)}").ToList();
        return $"Packages of tasks with {Many(account.Labels, "label")}. Up to {StorageAccount.MostWritten} tasks were written and measured; more is by the formula, "
            + (differing.Count == 0 ? "which gives those of the files exactly." : $"which differs from the files of {Listed(differing)}.")
            + $" The backbone, {Amounts.Bytes(account.BackboneBytes)}, is needed once beside them, except with full copies.";
    }

    /// <summary>A number of training rows in words.</summary>
    /// <param name="size">The rows; null for all.</param>
    public static string Rows(int? size) => size is { } rows ? Amounts.Count(rows) : ComparisonPlan.AllRows;

    /// <summary>Words with commas and an <c>and</c>.</summary>
    /// <param name="words">At least one word.</param>
    public static string Listed(IEnumerable<string> words) =>
        words.ToList() is [.. var most, var last] && most.Count > 0 ? $"{string.Join(", ", most)} and {last}" : words.First();

    private static string Many(int number, string noun) => $"{Amounts.Count(number)} {noun}{(number == 1 ? "" : "s")}";
}
