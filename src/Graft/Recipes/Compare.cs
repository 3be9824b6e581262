using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Comparisons.Claims;
using Graft.Recipes.Comparing;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Runs a matrix of methods, tasks, sizes and seeds with equal budgets: what <c>graft compare</c> does. What is finished is not done again,
/// and any number of processes may work on one folder at once (docs/compare.md). Stateless; one call uses one thread besides libtorch's own.
/// </summary>
public static class Compare
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    /// <summary>Does every run of a plan that is not finished, and waits for those that others are doing.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="progress">Told what happens, synchronously; null for nobody.</param>
    /// <param name="cancellation">Stops between steps; the run that was running is given back and begins anew in a later call.</param>
    /// <exception cref="ComparisonPlanException">The plan has faults; all are listed, and nothing was run.</exception>
    /// <exception cref="GraftException">The folder cannot be read or written. A run that fails is no exception: the report lists it.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static CompareReport Run(CompareSettings settings, Action<CompareProgress>? progress = null, CancellationToken cancellation = default) =>
        Run(settings, progress, null, cancellation);

    /// <summary>Says what <see cref="Run(CompareSettings, Action{CompareProgress}?, CancellationToken)"/> would do, what methods cost and how long it will take.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="progress">Told the method that is measured; null for nobody.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="ComparisonPlanException">The plan has faults; all are listed.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static CompareForecast Forecast(CompareSettings settings, Action<string>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var bench = ComparisonBench.Open(settings.Plan, settings.Name);
        var runs = Path.Combine(settings.Out, ComparisonFolder.RunsName);
        return new ComparisonForecaster(bench, RunSelection.Of(bench.Runs, settings.Only), run => Directory.Exists(Path.Combine(runs, run.Id)))
            .Forecast(settings.Out, progress, cancellation);
    }

    /// <summary>Lets other processes work on a plan, and watches them.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="begin">Called once the plan is found without fault and written into the folder; gives a token that is cancelled when they have ended.</param>
    /// <param name="progress">Told how far they have come, every second.</param>
    /// <exception cref="ComparisonPlanException">The plan has faults; all are listed, and nothing was begun.</exception>
    /// <exception cref="GraftException">The folder cannot be read or written.</exception>
    public static CompareReport Watch(CompareSettings settings, Func<CancellationToken> begin, Action<CompareProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(begin);
        using var bench = ComparisonBench.Open(settings.Plan, settings.Name);
        var session = new ComparisonSession(bench, settings, progress);
        var ended = begin();
        do
        {
            session.Look();
        }
        while (!ended.WaitHandle.WaitOne(s_pause));

        session.AccountForStorage(CancellationToken.None);
        return session.Report();
    }

    internal static CompareReport Run(
        CompareSettings settings, Action<CompareProgress>? progress, ClaimTiming? timing, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var bench = ComparisonBench.Open(settings.Plan, settings.Name);
        var session = new ComparisonSession(bench, settings, progress, timing);
        while (session.Look() is { Count: > 0 } open)
        {
            cancellation.ThrowIfCancellationRequested();
            if (session.Next(open) is (var run, var claim))
            {
                using (claim)
                {
                    session.Do(run, claim, cancellation);
                }
            }
            else
            {
                cancellation.WaitHandle.WaitOne(s_pause);
            }
        }

        session.AccountForStorage(cancellation);
        return session.Report();
    }
}
