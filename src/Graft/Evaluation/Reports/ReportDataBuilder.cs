using Graft.Evaluation.Comparisons;
using Graft.Methods.Core;

namespace Graft.Evaluation.Reports;

/// <summary>Shapes a comparison for the page: every statistic comes from <see cref="ComparisonSummary"/>, asked once for all tasks and once for each.</summary>
internal sealed class ReportDataBuilder
{
    private readonly Comparison _comparison;
    private readonly ComparisonPlan _plan;
    private readonly Dictionary<string, int> _methods;
    private readonly List<(ReportTask Task, Comparison Alone)> _tasks = [];
    private readonly ReportWords _words;

    private ReportDataBuilder(Comparison comparison)
    {
        _comparison = comparison;
        _plan = comparison.Plan;
        _methods = Places(_plan.Methods.Select(m => m.Name));
        foreach (var task in _plan.Tasks)
        {
            AddTask(task);
        }

        _words = new ReportWords(comparison);
    }

    /// <summary>Shapes a comparison.</summary>
    /// <param name="comparison">The comparison, with at least one finished run.</param>
    /// <param name="storage">Its storage account, where there is one.</param>
    public static ReportData Of(Comparison comparison, StorageAccount? storage)
    {
        var builder = new ReportDataBuilder(comparison);
        return builder.Build() with { Storage = storage is null ? null : builder.Storage(storage) };
    }

    private ReportData Build()
    {
        var all = ComparisonSummary.Of(_comparison);
        return new ReportData
        {
            Name = _plan.Name,
            Version = ReportPage.Version,
            Deck = _words.Deck,
            Incomplete = _words.Incomplete,
            Score = _words.Score,
            Methods = [.. _plan.Methods.Select(m => new ReportMethod(m.Name, m.Method, m.LearningRate ?? PeftMethods.Get(m.Method).DefaultLearningRate))],
            Tasks = [.. _tasks.Select(t => t.Task)],
            Sizes = [.. _plan.Sizes.Select(Size)],
            Views = [View(all), .. _tasks.Select(t => View(ComparisonSummary.Of(t.Alone)))],
            Runs = [.. _comparison.Runs.Select(Run)],
            Pictures = [.. _comparison.Runs.Select((run, i) => new ReportPictures(i, run.Pictures)).Where(r => r.Pictures.Count > 0)],
            Hypotheses = [.. HypothesisTest.Of(_comparison).Select(t => new ReportHypothesis(
                t.Hypothesis.Text, HypothesisTable.Meaning(t.Hypothesis), HypothesisTable.Word(t.Verdict), HypothesisTable.Checks(t)))],
            Missing = [.. all.Missing.Select(ReportWords.Missing)],
            Facts = _words.Facts,
            Plan = _plan.ToJson(),
            Commands = [.. _comparison.Runs.Select(run => run.Command)],
        };
    }

    /// <summary>A task's own comparison; a mixture's parts get one each, of what its runs came to on that part.</summary>
    private void AddTask(PlannedTask task)
    {
        var place = _tasks.Count;
        var metric = string.Join('/', (_comparison.Runs.FirstOrDefault(r => r.Task == task.Name)?.Scores ?? []).Select(s => s.Metric).Distinct(StringComparer.Ordinal));
        _tasks.Add((new ReportTask(task.Name, metric), _comparison.Of(task)));
        _tasks.AddRange(_comparison.PartsOf(task).Select(part => (new ReportTask($"{part.Task} in {task.Name}", part.Metric, place), part.Alone)));
    }

    private ReportSize Size(int? size)
    {
        var rows = _comparison.Runs.Where(r => r.Size == size).SelectMany(r => r.Scores).Select(s => (double)s.TrainRows).DefaultIfEmpty(size ?? 1).Average();
        return new ReportSize(size is { } number ? Amounts.Count(number) : ComparisonPlan.AllRows, rows);
    }

    private ReportView View(ComparisonSummary summary)
    {
        var advice = Recommendation.Of(summary);
        var bySize = _plan.Sizes.Select(size => advice.FirstOrDefault(a => a.Size == size)).ToList();
        return new ReportView(
            [.. summary.Methods.Select(Cell)], [.. summary.Pairs.Select(Pair)],
            [.. bySize.Select(a => a is null ? (int?)null : _methods[a.Choice.Method])], [.. bySize.Select(a => a?.Text ?? "")]);
    }

    private ReportCell Cell(MethodSummary m) => new(
        _methods[m.Method], PlaceOf(m.Size), m.Score.Mean, m.Score.Deviation, m.Score.Low, m.Score.High, m.Score.HasInterval, m.Rank,
        m.BytesPerTask, m.ParametersPerTask, m.Seconds, m.PeakMemory, m.IsComparable);

    private ReportPair Pair(PairSummary p) => new(
        _methods[p.First], _methods[p.Second], PlaceOf(p.Size), p.Test.Wins, p.Test.Ties, p.Test.Losses, p.Test.P, p.AdjustedP,
        p.Difference.Runs, p.Difference.Mean, p.Difference.Low, p.Difference.High);

    private ReportRun Run(ComparisonRun run) => new(
        _methods[run.Method], _tasks.FindIndex(t => t.Task.Name == run.Task), PlaceOf(run.Size), run.Seed, run.LearningRate,
        [.. run.Trials.Select(t => (IReadOnlyList<double?>)[t.LearningRate, t.Dev])],
        [.. run.Scores.Select(s => (IReadOnlyList<IReadOnlyList<double>>)[.. s.Curve.Select(p => (IReadOnlyList<double>)[p.Step, p.Dev, p.Loss])])]);

    private ReportStorage Storage(StorageAccount account) => new(
        StorageAccount.TaskCounts, account.BackboneBytes,
        [.. account.Methods.Select(m => new ReportStorageRow(
            _methods.TryGetValue(m.Method, out var place) ? place : null, m.Method, [.. m.Points.Select(p => p.Bytes)], [.. m.Points.Select(p => p.FromFiles)]))],
        ReportWords.Storage(account));

    private int PlaceOf(int? size) => Enumerable.Range(0, _plan.Sizes.Count).First(i => _plan.Sizes[i] == size);

    private static Dictionary<string, int> Places(IEnumerable<string> names) =>
        names.Select((name, i) => (name, i)).ToDictionary(p => p.name, p => p.i, StringComparer.Ordinal);
}
