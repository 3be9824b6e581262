using System.Diagnostics;
using Graft.Evaluation.Comparisons;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>
/// Tells what the runs of a plan will cost: trains a few steps with each method, in a temporary folder, and scales what a token took to the
/// tokens of every run. Thread contract: one thread.
/// </summary>
/// <param name="bench">What the runs work on.</param>
/// <param name="runs">The runs.</param>
/// <param name="isFinished">Whether a run is finished.</param>
internal sealed class ComparisonForecaster(ComparisonBench bench, IReadOnlyList<IdentifiedRun> runs, Func<IdentifiedRun, bool> isFinished)
{
    private const int MeasuredSteps = 4;
    private const int SampledRows = 200;
    private const int MeasuredDevRows = 64;

    private readonly Dictionary<(string Backbone, string Task), double> _tokensPerRow = [];

    /// <summary>Measures and adds up.</summary>
    /// <param name="folder">The comparison's folder, for the record.</param>
    /// <param name="progress">Told the method that is measured.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public CompareForecast Forecast(string folder, Action<string>? progress, CancellationToken cancellation)
    {
        List<MethodForecast> methods = [];
        foreach (var own in runs.GroupBy(r => r.Plan.Method.Name, StringComparer.Ordinal))
        {
            progress?.Invoke(own.Key);
            methods.Add(Of(own.Key, [.. own], cancellation));
        }

        return new CompareForecast(
            bench.Plan, folder,
            [.. runs.GroupBy(r => (Task: r.Plan.Task.Name, r.Plan.Size)).Select(g => new GroupForecast(
                g.Key.Task, g.Key.Size, bench.Data(g.First().Plan).Sum(d => d.Train.Count), bench.Steps(g.First().Plan), g.Count(), g.Count(isFinished)))],
            methods);
    }

    private MethodForecast Of(string name, IReadOnlyList<IdentifiedRun> own, CancellationToken cancellation)
    {
        // Of the tasks and mixtures the largest one: a mixture costs what its tasks cost together.
        var largest = own.MaxBy(r => r.Plan.Task.Tasks.Count)!;
        var prepared = bench.Method(largest.Plan);
        var measured = Measure(largest, prepared, cancellation);
        double? left = measured.Step is { } step ? own.Where(r => !isFinished(r)).Sum(r => Seconds(r, step, measured.Evaluation)) : null;
        return new MethodForecast(
            name, measured.Trained, measured.Stored, measured.Bytes, measured.StepSeconds, own.Count, own.Count(isFinished), left)
        {
            Tasks = largest.Plan.Task.Tasks.Count,
        };
    }

    private double Seconds(IdentifiedRun run, double step, double evaluation)
    {
        var training = 0.0;
        var test = 0.0;
        foreach (var data in bench.Data(run.Plan))
        {
            var tokens = TokensPerRow(run.Plan, data);
            training += ComparisonSteps.RowsSeen(bench.Plan, data, run.Plan.Size) * tokens * step;
            training += bench.Plan.Evaluations * data.Dev.Count * tokens * evaluation;
            test += (data.Test?.Count ?? 0) * tokens * evaluation;
        }

        return (bench.Trials(run.Plan) * training) + test;
    }

    private double TokensPerRow(PlannedRun run, TaskData data)
    {
        var key = (bench.Backbone(run), data.Task.Name);
        if (!_tokensPerRow.TryGetValue(key, out var tokens))
        {
            var loaded = bench.Loaded(run);
            var most = TaskHead.Tokens(data.Task, bench.Plan.MaxTokens, loaded.Backbone.Config.MaxTokens);
            var text = loaded.Backbone.Config.Decoder is null ? null : new TextCodec(TextFormat.Of(data.Task), loaded.Tokenizer, loaded.Backbone.Config);
            tokens = TokenizedRows.Create(data.Task, [.. data.Train.Take(SampledRows)], loaded.Tokenizer, most, text).Lengths.Average();
            _tokensPerRow.Add(key, tokens);
        }

        return tokens;
    }

    // Training itself is measured, not a copy of it; its first step, which warms up, is left out. Tasks that share an adapter are trained together; of
    // those that do not the first one stands for the others.
    private Measured Measure(IdentifiedRun run, PreparedMethod prepared, CancellationToken cancellation)
    {
        var joint = bench.IsJoint(run.Plan);
        IReadOnlyList<TaskData> all = bench.Data(run.Plan);
        List<TaskData> tasks = [.. all.Take(joint ? all.Count : 1).Select(d => d.WithHeldOut(MeasuredDevRows, 1).WithoutTest())];
        var (sites, alike) = (bench.Loaded(run.Plan).Backbone.Sites, all.Count / tasks.Count);
        var trained = prepared.Method.CountParameters(prepared.Described, sites, tasks.Count) * alike;
        var place = Directory.CreateTempSubdirectory("graft-forecast-").FullName;
        var clock = Stopwatch.StartNew();
        Dictionary<int, double> steps = [];
        var (evaluationBegan, evaluated) = (0.0, 0.0);
        try
        {
            var (plan, mixture) = (bench.Plan, bench.Plan.Mixture);
            var settings = new TrainSettings
            {
                Backbone = bench.Backbone(run.Plan), Tasks = [.. run.Plan.Task.Tasks.Take(tasks.Count)], Method = prepared.Method.Name, Set = prepared.Written, Steps = MeasuredSteps,
                Batch = plan.Batch, Lr = prepared.LearningRate, Evaluations = 1, MaxTokens = plan.MaxTokens, Seed = run.Plan.Seed, Share = run.Plan.Method.Share,
                Sampling = mixture.Sampling, Temperature = mixture.Temperature, OneTaskBatches = mixture.OneTaskBatches, Replacement = mixture.Replacement,
                Precision = plan.Precision, Device = plan.Device, CheckpointEvery = 0, Out = Path.Combine(place, "run"),
            };
            var whole = Train.Run(settings, bench.Loaded(run.Plan), tasks, Hear, cancellation);
            var report = whole.Tasks[0];
            var trace = TrainingTrace.Read(
                Path.Combine(settings.Out, "training", (joint ? TrainUnit.Joint : report.Task) + ".jsonl"), report.PrimaryMetric, report.BestStep, joint ? report.Task : null);
            var stepSeconds = (steps[MeasuredSteps] - steps[1]) / (MeasuredSteps - 1);
            var folder = joint ? whole.Joint!.Package : report.Package;
            var files = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).ToList();
            var stored = StoredParameters.In(files.Where(f => f.Name == AdapterPackage.AdapterName).Select(f => f.FullName));
            return new Measured(
                stepSeconds, stepSeconds * MeasuredSteps / trace.Tokens, (evaluated - evaluationBegan) / tasks.Sum(d => d.Dev.Count * TokensPerRow(run.Plan, d)),
                trained, stored * alike, files.Sum(f => f.Length) * alike);
        }
        catch (GraftException)
        {
            // A method whose schedule does not fit so few steps, or that diverges at once: a run will tell.
            using var rng = new Rng(0, Device.Cpu);
            using var adapter = prepared.Method.Attach(
                bench.Loaded(run.Plan).Backbone, run.Plan.Method.Name, prepared.Config, rng, prepared.Method.SharesAcrossTasks ? [.. tasks.Select(d => d.Task.Name)] : null);
            var counted = CompactForm.CountParameters(adapter, sites) * alike;
            return new Measured(null, null, 0, trained, counted, counted * sizeof(float));
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }

        void Hear(TrainProgress state)
        {
            if (state.Phase == TrainPhase.Training)
            {
                steps.TryAdd(state.Step, clock.Elapsed.TotalSeconds);
            }

            evaluationBegan = state.Phase == TrainPhase.Evaluating ? clock.Elapsed.TotalSeconds : evaluationBegan;
            evaluated = state.Phase == TrainPhase.Finishing ? clock.Elapsed.TotalSeconds : evaluated;
        }
    }

    private sealed record Measured(double? StepSeconds, double? Step, double Evaluation, long Trained, long Stored, long Bytes);
}
