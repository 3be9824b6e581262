using System.Diagnostics;
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

    private readonly Dictionary<string, double> _tokensPerRow = new(StringComparer.Ordinal);

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
        var prepared = bench.Method(own[0].Plan);
        var measured = Measure(own[0], prepared, cancellation);
        double? left = measured.Step is { } step ? own.Where(r => !isFinished(r)).Sum(r => Seconds(r, step, measured.Evaluation)) : null;
        return new MethodForecast(
            name, prepared.Method.CountParameters(prepared.Described, bench.Loaded.Backbone.Sites), measured.Stored, measured.Bytes,
            measured.StepSeconds, own.Count, own.Count(isFinished), left);
    }

    private double Seconds(IdentifiedRun run, double step, double evaluation)
    {
        var training = 0.0;
        var test = 0.0;
        foreach (var data in bench.Data(run.Plan))
        {
            var tokens = TokensPerRow(data);
            training += ComparisonCheck.Steps(bench.Plan, data, run.Plan.Size) * Math.Min(bench.Plan.Batch, data.Train.Count) * tokens * step;
            training += bench.Plan.Evaluations * data.Dev.Count * tokens * evaluation;
            test += (data.Test?.Count ?? 0) * tokens * evaluation;
        }

        return (bench.Trials(run.Plan) * training) + test;
    }

    private double TokensPerRow(TaskData data)
    {
        if (!_tokensPerRow.TryGetValue(data.Task.Name, out var tokens))
        {
            var most = Math.Min(bench.Plan.MaxTokens ?? 256, bench.Loaded.Backbone.Config.MaxTokens);
            var text = bench.Loaded.Backbone.Config.Decoder is null ? null : new TextCodec(TextFormat.Of(data.Task), bench.Loaded.Tokenizer, bench.Loaded.Backbone.Config);
            tokens = TokenizedRows.Create(data.Task, [.. data.Train.Take(SampledRows)], bench.Loaded.Tokenizer, most, text).Lengths.Average();
            _tokensPerRow.Add(data.Task.Name, tokens);
        }

        return tokens;
    }

    // Training itself is measured, not a copy of it; its first step, which warms up, is left out.
    private Measured Measure(IdentifiedRun run, PreparedMethod prepared, CancellationToken cancellation)
    {
        var data = bench.Data(run.Plan)[0];
        var place = Directory.CreateTempSubdirectory("graft-forecast-").FullName;
        var clock = Stopwatch.StartNew();
        Dictionary<int, double> steps = [];
        var (evaluationBegan, evaluated) = (0.0, 0.0);
        try
        {
            var settings = new TrainSettings
            {
                Backbone = bench.Plan.Backbone, Tasks = [run.Plan.Task.Tasks[0]], Method = prepared.Method.Name, Set = prepared.Written, Steps = MeasuredSteps,
                Batch = bench.Plan.Batch, Lr = prepared.LearningRate, Evaluations = 1, MaxTokens = bench.Plan.MaxTokens, Seed = run.Plan.Seed,
                Share = run.Plan.Method.Share, Precision = bench.Plan.Precision, Device = bench.Plan.Device, CheckpointEvery = 0, Out = Path.Combine(place, "run"),
            };
            var report = Train.Run(settings, bench.Loaded, [data.WithHeldOut(MeasuredDevRows, 1).WithoutTest()], Hear, cancellation).Tasks[0];
            var joint = prepared.Method.SharesAcrossTasks || settings.Share;
            var trace = TrainingTrace.Read(
                Path.Combine(settings.Out, "training", (joint ? TrainUnit.Joint : report.Task) + ".jsonl"), report.PrimaryMetric, report.BestStep, joint ? report.Task : null);
            var stepSeconds = (steps[MeasuredSteps] - steps[1]) / (MeasuredSteps - 1);
            var package = AdapterPackage.Open(report.Package);
            var stored = StoredParameters.In(new[] { package.AdapterPath, Path.Combine(package.Folder, AdapterPackage.AdapterName) }.Distinct(StringComparer.Ordinal));
            return new Measured(
                stepSeconds, stepSeconds * MeasuredSteps / trace.Tokens, (evaluated - evaluationBegan) / (Math.Min(MeasuredDevRows, data.Dev.Count) * TokensPerRow(data)),
                stored, new DirectoryInfo(package.Folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length));
        }
        catch (GraftException)
        {
            // A method whose schedule does not fit so few steps, or that diverges at once: a run will tell.
            using var rng = new Rng(0, Device.Cpu);
            using var adapter = prepared.Method.Attach(bench.Loaded.Backbone, run.Plan.Method.Name, prepared.Config, rng);
            var counted = CompactForm.CountParameters(adapter, bench.Loaded.Backbone.Sites);
            return new Measured(null, null, 0, counted, counted * sizeof(float));
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

    private sealed record Measured(double? StepSeconds, double? Step, double Evaluation, long Stored, long Bytes);
}
