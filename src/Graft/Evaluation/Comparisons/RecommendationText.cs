namespace Graft.Evaluation.Comparisons;

/// <summary>A recommendation in words. Scores are shown times 100, as papers print them; every mean comes with what is known of its noise. Immutable.</summary>
internal sealed class RecommendationText(ComparisonSummary summary, Recommendation recommendation)
{
    private readonly MethodSummary _choice = recommendation.Choice;
    private readonly MethodSummary _best = recommendation.Best;
    private readonly IReadOnlyList<TaskSummary> _tasks =
        [.. summary.Tasks.Where(t => t.Size == recommendation.Size && t.Method == recommendation.Choice.Method)];

    /// <summary>The sentences.</summary>
    public override string ToString() => string.Join(' ', Sentences());

    private IEnumerable<string> Sentences()
    {
        yield return $"{Rows()}: {_choice.Method}, {Score(_choice.Score)} ({Measured()}{Interval(_choice.Score)}), {Bytes(_choice)} per task.";
        yield return _choice == _best ? Lead() : Price();
        if (recommendation.AsGood.Count > 0)
        {
            yield return $"As good within the noise: {Listed(recommendation.AsGood.Select(m => $"{m.Method} ({Score(m.Score)}; {Bytes(m)})"))}.";
        }

        if (recommendation.Worse.Count > 0)
        {
            yield return $"Worse than {_best.Method} beyond the noise: {Listed(recommendation.Worse.Select(m => $"{m.Method} ({Score(m.Score)})"))}.";
        }

        if (recommendation.Unknown.Count > 0)
        {
            yield return $"Not to be told from {_best.Method} without two common seeds of every task: {Listed(recommendation.Unknown.Select(m => $"{m.Method} ({Score(m.Score)})"))}.";
        }

        if (_best.Score.HasInterval && _tasks.Min(t => t.Score.Runs) is var seeds and < 5)
        {
            yield return $"{(seeds == 2 ? "Two" : seeds == 3 ? "Three" : "Four")} seeds tell large differences from chance, not small ones.";
        }

        if (_tasks.Any(t => t.Split.Contains("dev", StringComparison.Ordinal)))
        {
            yield return "Dev also chose the step and the learning rate that were kept, so expect a little less on new rows.";
        }

        if (summary.Missing.Count(m => m.Size == recommendation.Size) is var missing and > 0)
        {
            yield return $"{Amounts.Count(missing)} {(missing == 1 ? "run is" : "runs are")} missing.";
        }
    }

    private string Rows()
    {
        var (least, most) = (_tasks.Min(t => t.TrainRows), _tasks.Max(t => t.TrainRows));
        return (_choice.Size, least == most) switch
        {
            ({ } size, _) => $"For {Amounts.Count(size)} training rows{(_choice.Tasks == 1 ? "" : " per task")}",
            (_, true) => $"For all {Amounts.Count(most)} training rows",
            _ => $"For all training rows ({Amounts.Count(least)} to {Amounts.Count(most)})",
        };
    }

    /// <summary>What the number is a mean of: <c>accuracy on test, mean of 6 tasks, 18 runs</c>.</summary>
    private string Measured()
    {
        var metrics = _tasks.Select(t => t.Metric).Distinct(StringComparer.Ordinal).ToList();
        var splits = _tasks.Select(t => t.Split).Distinct(StringComparer.Ordinal).ToList();
        var what = $"{(metrics is [var metric] ? metric : "score")} on {(splits is [var split] ? split : "test, dev where a task has no test")}";
        var tasks = _choice.Tasks == 1 ? "" : $", mean of {_choice.Tasks} tasks";
        return $"{what}{tasks}, {_choice.Score.Runs} {(_choice.Score.Runs == 1 ? "run" : "runs")}";
    }

    private string Lead() => (recommendation.AsGood.Count, recommendation.AsGood.Count + recommendation.Worse.Count + recommendation.Unknown.Count) switch
    {
        (_, 0) => "No other method can be compared with it yet.",
        (0, _) => "It has the highest mean.",
        _ => "It has the highest mean, and no smaller method is as good.",
    };

    /// <summary>What choosing a smaller method than the best costs, and what it saves.</summary>
    private string Price()
    {
        var lead = summary.Pair(_best.Method, _choice.Method, _choice.Size)!.Difference;
        return $"{_best.Method} has the highest mean, {Score(_best.Score)}, but its lead of {Points(lead.Mean)} points"
            + $" (95 % interval {Points(lead.Low)} to {Points(lead.High)}, {lead.Runs} pairs) is within the noise, and it takes {Bytes(_best)} per task.";
    }

    private static string Score(Estimate score) =>
        score.Deviation is { } deviation ? $"{Points(score.Mean)} ± {Points(deviation)}" : Points(score.Mean);

    private static string Interval(Estimate score) => score.HasInterval ? $", 95 % interval {Points(score.Low)} to {Points(score.High)}" : "";

    /// <summary>A score times 100 with one digit; adding zero turns -0.0 into 0.0.</summary>
    private static string Points(double score) => $"{Math.Round(100 * score, 1) + 0.0:0.0}";

    private static string Bytes(MethodSummary method) => Amounts.Bytes((long)Math.Round(method.BytesPerTask));

    private static string Listed(IEnumerable<string> names) =>
        names.ToList() is [.. var most, var last] && most.Count > 0 ? $"{string.Join(", ", most)} and {last}" : names.First();
}
