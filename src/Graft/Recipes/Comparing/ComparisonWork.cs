using System.Diagnostics;
using System.Text.Json;
using Graft.Backbones.Sites;
using Graft.Evaluation;
using Graft.Evaluation.Comparisons;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes.Comparing;

/// <summary>
/// Does one run in a folder: trains with every learning rate that it tries, keeps the best on dev, and evaluates that one on test, once.
/// Leaves <c>packages/TASK</c> and the logs <c>training/lr-RATE/TASK.jsonl</c>, of tasks that share an adapter <c>packages/joint</c> and one log. Thread contract: one thread.
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

    // As many of each task as a picture of points shows well.
    private const int DrawnRows = 40;

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
        var joint = best.Joint is null ? null : JointPackage.Open(best.Joint.Package);
        var results = best.Reports!.Zip(_tasks, (report, data) => Judge(report, data, best.Folder, joint)).ToList();
        var size = joint is null ? Sum(results.Select(r => r.Size!)) : Size(best.Joint!, best.Reports!, joint, results);
        var pictures = joint is null ? [.. results.SelectMany(r => r.Pictures)] : Pictures(joint, results);
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
            Sizes = size,
            Pictures = pictures,
            Cpu = Machine.Cpu,
            Threads = TorchRuntime.Threads,
            Versions = PackageManifest.OwnVersions(),
            Command = command,
        };
    }

    // Tasks that share an adapter are shown together as many rows as they would see alone: no method sees more than another.
    private Trial Train(double rate, int number, int count, CancellationToken cancellation)
    {
        var plan = bench.Plan;
        var place = Path.Combine(folder, $"lr-{rate}");
        var joint = bench.IsJoint(run.Plan);
        var settings = new TrainSettings
        {
            Backbone = bench.Backbone(run.Plan),
            Tasks = run.Plan.Task.Tasks,
            Method = _method.Method.Name,
            Set = _method.Start is null ? _method.Written : null, // a start has its own, which were compared
            Start = _method.Start,
            Split = plan.Split,
            SplitSeed = plan.SplitSeed,
            Share = run.Plan.Method.Share,
            Sampling = plan.Mixture.Sampling,
            Temperature = plan.Mixture.Temperature,
            OneTaskBatches = plan.Mixture.OneTaskBatches,
            Replacement = plan.Mixture.Replacement,
            Examples = run.Plan.Size,
            Epochs = joint ? null : plan.Epochs,
            Steps = joint ? bench.Steps(run.Plan) : plan.Steps,
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
            var report = Recipes.Train.Run(settings, bench.Loaded(run.Plan), [.. _tasks.Select(t => t.WithoutTest())], state => progress?.Invoke(number, count, state), cancellation);
            return new Trial(rate, place, report.Tasks, report.Joint, report.Tasks.Sum(t => t.Seconds));
        }
        catch (TrainingDivergedException)
        {
            return new Trial(rate, place, null, null, clock.Elapsed.TotalSeconds);
        }
    }

    private Judged Judge(TaskReport report, TaskData data, string place, JointPackage? joint)
    {
        var backbone = bench.Loaded(run.Plan).Backbone;
        var log = Path.Combine(place, "training", (joint is null ? report.Task : TrainUnit.Joint) + ".jsonl");
        var trace = TrainingTrace.Read(log, report.PrimaryMetric, report.BestStep, joint is null ? null : report.Task);
        var package = AdapterPackage.Open(report.Package);
        using var model = TaskModelPackage.Load(package, backbone);
        IReadOnlyDictionary<string, double> test = data.Test is { Count: > 0 } rows
            ? Evaluator.Evaluate(model, model.Tokenize(rows, bench.Loaded(run.Plan).Tokenizer)).Metrics
            : new Dictionary<string, double>(StringComparer.Ordinal);
        var score = new TaskScore(
            report.Task, report.PrimaryMetric, report.Dev, test, report.BestStep, report.Steps, report.TrainRows, trace.Curve);

        // A joint training's log has the rows of all tasks: each task answers for its share of them.
        var share = joint is null ? 1.0 : 1.0 / _tasks.Count;
        var seconds = trace.Rows / report.RowsPerSecond * share;
        return joint is null
            ? new Judged(score, Size(report, package, model, backbone.Sites), Pictures(model.Adapter, trace, report.Task), trace, trace.Tokens, seconds)
            : new Judged(score, null, [], trace, trace.Tokens * share, seconds);
    }

    private IReadOnlyList<MethodPicture> Pictures(Adapter adapter, TrainingTrace trace, string task)
    {
        using var scope = new TensorScope();
        var pictures = _method.Method.Pictures(adapter, trace.Observed);
        return _tasks.Count == 1 ? pictures : [.. pictures.Select(p => p with { Title = $"{p.Title} ({task})" })];
    }

    // One adapter has one set of pictures; what its parts showed is the mean over the tasks.
    private IReadOnlyList<MethodPicture> Pictures(JointPackage joint, IReadOnlyList<Judged> results)
    {
        var models = TaskModelPackage.Load([.. joint.Tasks.Select(joint.Task)], bench.Loaded(run.Plan).Backbone);
        try
        {
            using var scope = new TensorScope();
            var observed = results.SelectMany(r => r.Trace.Observed).GroupBy(o => o.Key, StringComparer.Ordinal)
                .ToDictionary(g => g.Key, g => g.Average(o => o.Value), StringComparer.Ordinal);
            IReadOnlyList<MethodPicture> placed = _method.Method is IPlacesRows places
                ? places.Pictures(models[0].Adapter, bench.Loaded(run.Plan).Backbone, [.. models.Select(Drawn)]) : [];
            return [.. _method.Method.Pictures(models[0].Adapter, observed), .. placed];
        }
        finally
        {
            foreach (var model in models)
            {
                model.Dispose();
            }
        }
    }

    private TaskRows Drawn(TaskModel model)
    {
        var rows = model.Tokenize([.. _tasks.Single(t => t.Task.Name == model.Task.Name).Dev.Take(DrawnRows)], bench.Loaded(run.Plan).Tokenizer);
        return new TaskRows(model.Task.Name, rows.Batch([.. Enumerable.Range(0, rows.Count)], bench.Loaded(run.Plan).Backbone.Device));
    }

    private RunSize Size(TaskReport report, AdapterPackage package, TaskModel model, SiteMap sites)
    {
        var head = package.Manifest.HeadFile.Parameters;
        return Agreed(new RunSize(
            report.TrainedParameters - head, _method.Method.CountParameters(_method.Described, sites),
            StoredParameters.In(package.AdapterPath), CompactForm.CountParameters(model.Adapter, sites),
            head, package.AdapterBytes, new DirectoryInfo(package.Folder).EnumerateFiles().Sum(f => f.Length), 1));
    }

    private RunSize Size(JointReport report, IReadOnlyList<TaskReport> tasks, JointPackage joint, IReadOnlyList<Judged> results)
    {
        var sites = bench.Loaded(run.Plan).Backbone.Sites;
        using var adapter = joint.LoadAdapter(bench.Loaded(run.Plan).Backbone);
        var own = joint.Tasks.Select(joint.Task).ToList();
        var head = own.Sum(t => t.Manifest.HeadFile.Parameters);
        var stored = StoredParameters.In(own.Select(t => t.AdapterPath).Append(Path.Combine(joint.Folder, AdapterPackage.AdapterName)));
        return Agreed(new RunSize(
            report.SharedParameters + tasks.Sum(t => t.TrainedParameters) - head, _method.Method.CountParameters(_method.Described, sites, results.Count),
            stored, CompactForm.CountParameters(adapter, sites), head, joint.Manifest.AdapterFile.Bytes + own.Sum(t => t.AdapterBytes),
            new DirectoryInfo(joint.Folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length), results.Count));
    }

    private RunSize Agreed(RunSize size) => size.Trained == size.TrainedByFormula && size.Stored == size.StoredByFormula
        ? size
        : throw new GraftException(
            $"The parameters of {_method.Method.Name} by formula ({size.TrainedByFormula} trained, {size.StoredByFormula} stored) are not those counted ({size.Trained}, {size.Stored}); this is a fault of the method, please report it.");

    private static RunSize Sum(IEnumerable<RunSize> sizes) => sizes.Aggregate((a, b) => new RunSize(
        a.Trained + b.Trained, a.TrainedByFormula + b.TrainedByFormula, a.Stored + b.Stored, a.StoredByFormula + b.StoredByFormula,
        a.Head + b.Head, a.AdapterBytes + b.AdapterBytes, a.PackageBytes + b.PackageBytes, a.Tasks + b.Tasks));

    // The logs of all trainings stay, the packages of the best.
    private void Keep(IReadOnlyList<Trial> trials, Trial best)
    {
        Directory.CreateDirectory(Path.Combine(folder, "packages"));
        foreach (var package in best.Joint is { } joint ? [joint.Package] : best.Reports!.Select(r => r.Package))
        {
            Directory.Move(package, Path.Combine(folder, "packages", Path.GetFileName(package)));
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

    private sealed record Trial(double Rate, string Folder, IReadOnlyList<TaskReport>? Reports, JointReport? Joint, double Seconds)
    {
        /// <summary>The mean of the tasks' primary metrics on dev; null where training diverged.</summary>
        public double? Dev => Reports?.Average(r => r.Dev[r.PrimaryMetric]);

        /// <summary>What trainings are chosen by: a metric that is not defined, as the correlation of a constant, is worst.</summary>
        public double Worth => Dev is { } dev && !double.IsNaN(dev) ? dev : double.NegativeInfinity;
    }

    private sealed record Judged(
        TaskScore Score, RunSize? Size, IReadOnlyList<MethodPicture> Pictures, TrainingTrace Trace, double Tokens, double TrainingSeconds);
}
