using System.Diagnostics;
using System.Text.Json;
using Graft.Backbones.Sites;
using Graft.Evaluation;
using Graft.Evaluation.Comparisons;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes.Comparing;

/// <summary>
/// Does one run in a folder: trains with every learning rate that it tries, keeps the best on dev, and evaluates that one on test, once.
/// Leaves <c>packages/TASK</c> and the logs <c>training/lr-RATE/TASK.jsonl</c>. Thread contract: one thread.
/// </summary>
/// <param name="bench">What the run works on.</param>
/// <param name="run">The run.</param>
/// <param name="folder">The folder, which exists.</param>
/// <param name="found">The learning rate that the search of another run found; null where there was none.</param>
/// <param name="progress">Told the number of the training from 1, of how many, and what it does.</param>
internal sealed class ComparisonWork(
    ComparisonBench bench, IdentifiedRun run, string folder, double? found, Action<int, int, TrainProgress>? progress)
{
    private readonly PreparedMethod _method = bench.Method(run.Plan);
    private readonly IReadOnlyList<TaskData> _tasks = bench.Data(run.Plan);

    /// <summary>Does the run.</summary>
    /// <param name="command">The command that does this run alone, for the record.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="GraftException">Training diverged with every learning rate, or something else is at fault.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public ComparisonRun Do(string command, CancellationToken cancellation)
    {
        PeakMemory.Reset();
        var rates = found is { } rate ? [rate] : bench.Plan.LearningRateFactors.Select(f => Rounded(_method.LearningRate * f)).ToList();
        var trials = rates.Select((r, i) => Train(r, i + 1, rates.Count, cancellation)).ToList();
        var best = trials.Where(t => t.Reports is not null).OrderByDescending(t => t.Worth).ThenBy(t => Math.Abs(Math.Log(t.Rate / _method.LearningRate))).FirstOrDefault()
            ?? throw new GraftException(
                $"Training diverged with {(rates.Count == 1 ? "the learning rate" : "every learning rate,")} {string.Join(", ", rates)}; give the method a smaller \"learning_rate\" in the plan.");
        var results = best.Reports!.Zip(_tasks, (report, data) => Judge(report, data, best.Folder)).ToList();
        Keep(trials, best);
        return new ComparisonRun
        {
            Id = run.Id,
            Method = run.Plan.Method.Name,
            BaseMethod = _method.Method.Name,
            Config = JsonSerializer.SerializeToElement(_method.Written),
            Task = run.Plan.Task.Name,
            Size = run.Plan.Size,
            Seed = run.Plan.Seed,
            Scores = [.. results.Select(r => r.Score)],
            LearningRate = best.Rate,
            Trials = trials.Count > 1 ? [.. trials.Select(t => new LearningRateTrial(t.Rate, t.Dev, t.Seconds))] : [],
            Seconds = trials.Sum(t => t.Seconds),
            TokensPerSecond = results.Sum(r => r.Tokens) / results.Sum(r => r.TrainingSeconds),
            PeakMemory = PeakMemory.Read(),
            Sizes = Sum(results.Select(r => r.Size)),
            Pictures = [.. results.SelectMany(r => r.Pictures)],
            Cpu = Machine.Cpu,
            Threads = TorchRuntime.Threads,
            Versions = PackageManifest.OwnVersions(),
            Command = command,
        };
    }

    // A multi-task method will train the tasks of a mixture together here; the others train an adapter for each.
    private Trial Train(double rate, int number, int count, CancellationToken cancellation)
    {
        var plan = bench.Plan;
        var place = Path.Combine(folder, $"lr-{rate}");
        var settings = new TrainSettings
        {
            Backbone = plan.Backbone,
            Tasks = run.Plan.Task.Tasks,
            Method = _method.Method.Name,
            Set = _method.Written,
            Examples = run.Plan.Size,
            Epochs = plan.Epochs,
            Steps = plan.Steps,
            Batch = plan.Batch,
            Lr = rate,
            Evaluations = plan.Evaluations,
            MaxTokens = plan.MaxTokens,
            Seed = run.Plan.Seed,
            Precision = plan.Precision,
            Device = plan.Device,
            CheckpointEvery = 0,
            Out = place,
        };
        var clock = Stopwatch.StartNew();
        try
        {
            // Test is evaluated for the training that is kept alone.
            var report = Recipes.Train.Run(settings, bench.Loaded, [.. _tasks.Select(t => t.WithoutTest())], state => progress?.Invoke(number, count, state), cancellation);
            return new Trial(rate, place, report.Tasks, report.Tasks.Sum(t => t.Seconds));
        }
        catch (TrainingDivergedException)
        {
            return new Trial(rate, place, null, clock.Elapsed.TotalSeconds);
        }
    }

    private Judged Judge(TaskReport report, TaskData data, string place)
    {
        var backbone = bench.Loaded.Backbone;
        var trace = TrainingTrace.Read(Path.Combine(place, "training", report.Task + ".jsonl"), report.PrimaryMetric, report.BestStep);
        var package = AdapterPackage.Open(report.Package);
        using var model = TaskModelPackage.Load(package, backbone);
        IReadOnlyDictionary<string, double> test = data.Test is { Count: > 0 } rows
            ? Evaluator.Evaluate(model, TokenizedRows.Create(data.Task, rows, bench.Loaded.Tokenizer, model.MaxTokens)).Metrics
            : new Dictionary<string, double>(StringComparer.Ordinal);
        var score = new TaskScore(
            report.Task, report.PrimaryMetric, report.Dev, test, report.BestStep, report.Steps, report.TrainRows, trace.Curve);
        var seconds = trace.Rows / report.RowsPerSecond;
        return new Judged(score, Size(report, package, model, backbone.Sites), Pictures(model.Adapter, trace, report.Task), trace.Tokens, seconds);
    }

    private IReadOnlyList<MethodPicture> Pictures(Adapter adapter, TrainingTrace trace, string task)
    {
        using var scope = new TensorScope();
        var pictures = _method.Method.Pictures(adapter, trace.Observed);
        return _tasks.Count == 1 ? pictures : [.. pictures.Select(p => p with { Title = $"{p.Title} ({task})" })];
    }

    private RunSize Size(TaskReport report, AdapterPackage package, TaskModel model, SiteMap sites)
    {
        using var file = SafetensorsFile.Open(Path.Combine(package.Folder, AdapterPackage.AdapterName));
        var head = package.Manifest.HeadFile.Parameters;
        var size = new RunSize(
            report.TrainedParameters - head, _method.Method.CountParameters(_method.Described, sites),
            StoredParameters.In(file), CompactForm.CountParameters(model.Adapter, sites),
            head, package.AdapterBytes, new DirectoryInfo(package.Folder).EnumerateFiles().Sum(f => f.Length), 1);
        return size.Trained == size.TrainedByFormula && size.Stored == size.StoredByFormula
            ? size
            : throw new GraftException(
                $"The parameters of {_method.Method.Name} by formula ({size.TrainedByFormula} trained, {size.StoredByFormula} stored) are not those counted ({size.Trained}, {size.Stored}); this is a fault of the method, please report it.");
    }

    private static RunSize Sum(IEnumerable<RunSize> sizes) => sizes.Aggregate((a, b) => new RunSize(
        a.Trained + b.Trained, a.TrainedByFormula + b.TrainedByFormula, a.Stored + b.Stored, a.StoredByFormula + b.StoredByFormula,
        a.Head + b.Head, a.AdapterBytes + b.AdapterBytes, a.PackageBytes + b.PackageBytes, a.Tasks + b.Tasks));

    // The logs of all trainings stay, the packages of the best.
    private void Keep(IReadOnlyList<Trial> trials, Trial best)
    {
        Directory.CreateDirectory(Path.Combine(folder, "packages"));
        foreach (var report in best.Reports!)
        {
            Directory.Move(report.Package, Path.Combine(folder, "packages", report.Task));
        }

        foreach (var trial in trials)
        {
            var logs = Directory.CreateDirectory(Path.Combine(folder, "training", Path.GetFileName(trial.Folder))).FullName;
            foreach (var log in Directory.EnumerateFiles(Path.Combine(trial.Folder, "training"), "*.jsonl"))
            {
                File.Move(log, Path.Combine(logs, Path.GetFileName(log)));
            }

            Directory.Delete(trial.Folder, recursive: true);
        }
    }

    // 0.001 times 0.3 is 0.0003, not 0.00029999999999999997.
    private static double Rounded(double rate) => double.Parse(rate.ToString("G12"));

    private sealed record Trial(double Rate, string Folder, IReadOnlyList<TaskReport>? Reports, double Seconds)
    {
        /// <summary>The mean of the tasks' primary metrics on dev; null where training diverged.</summary>
        public double? Dev => Reports?.Average(r => r.Dev[r.PrimaryMetric]);

        /// <summary>What trainings are chosen by: a metric that is not defined, as the correlation of a constant, is worst.</summary>
        public double Worth => Dev is { } dev && !double.IsNaN(dev) ? dev : double.NegativeInfinity;
    }

    private sealed record Judged(TaskScore Score, RunSize Size, IReadOnlyList<MethodPicture> Pictures, double Tokens, double TrainingSeconds);
}
