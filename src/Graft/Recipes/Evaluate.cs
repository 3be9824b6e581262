using System.Diagnostics;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Evaluation;
using Graft.Formats.Packages;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>What <c>graft eval</c> is told. Immutable.</summary>
public sealed record EvaluateSettings
{
    /// <summary>The package's folder, or <c>FOLDER#TASK</c>.</summary>
    public required string Package { get; init; }

    /// <summary>A backbone's folder or name; null for the one that the package names.</summary>
    public string? Backbone { get; init; }

    /// <summary>A task's name or task file; null for the name of the package's own. In a package of several tasks, one of them by its name.</summary>
    public string? Task { get; init; }

    /// <summary>A folder to look for the task's data first.</summary>
    public string? Data { get; init; }

    /// <summary>The seed of a dev split that is cut from train; null for the one that the package was trained with, so that dev rows were not seen.</summary>
    public long? SplitSeed { get; init; }

    /// <summary>The most rows of a pass.</summary>
    public int Batch { get; init; } = 64;

    /// <summary>Type and device of the backbone; null for the file's type on the CPU.</summary>
    public BackboneOptions? Options { get; init; }
}

/// <summary>How good a package is on a task's rows.</summary>
/// <param name="Task">The task.</param>
/// <param name="Package">The package's folder.</param>
/// <param name="Dev">The metrics on dev.</param>
/// <param name="Test">The metrics on test; empty where the task has no labelled test rows.</param>
/// <param name="DevRows">The rows of dev.</param>
/// <param name="TestRows">The rows of test.</param>
/// <param name="TruncatedRows">The rows that were longer than the model takes and lost their end.</param>
/// <param name="Seconds">The wall time without loading.</param>
/// <param name="DevObserved">What parts of the adapter showed over the rows of dev, by name, such as gates; empty unless they do.</param>
/// <param name="TestObserved">The same of test.</param>
public sealed record EvaluateReport(
    string Task, string Package, IReadOnlyDictionary<string, double> Dev, IReadOnlyDictionary<string, double> Test,
    int DevRows, int TestRows, int TruncatedRows, double Seconds,
    IReadOnlyDictionary<string, ObservedValue> DevObserved, IReadOnlyDictionary<string, ObservedValue> TestObserved)
{
    /// <summary>The report as JSON, metric values that are not finite as null.</summary>
    public JsonObject ToJson() => new()
    {
        ["task"] = Task,
        ["package"] = Package,
        ["dev"] = Json(Dev),
        ["test"] = Json(Test),
        ["devRows"] = DevRows,
        ["testRows"] = TestRows,
        ["truncatedRows"] = TruncatedRows,
        ["seconds"] = Math.Round(Seconds, 3),
        ["devObserved"] = ObservedValue.ToJson(DevObserved),
        ["testObserved"] = ObservedValue.ToJson(TestObserved),
    };

    private static JsonObject Json(IReadOnlyDictionary<string, double> metrics) =>
        new(metrics.Select(m => KeyValuePair.Create(m.Key, RunLog.Number(m.Value))));
}

/// <summary>Measures a package on a task's dev and test rows: what <c>graft eval</c> does. Stateless.</summary>
public static class Evaluate
{
    /// <summary>Answers the rows and computes the package's metrics.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="GraftException">The package, the backbone or the task is at fault, or they do not belong together.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static EvaluateReport Run(EvaluateSettings settings, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Run([Open(settings)], settings, cancellation)[0];
    }

    /// <summary>Answers the rows of every task of a package of several, or of the one that is named.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="GraftException">The package, the backbone or a task is at fault, or they do not belong together.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<EvaluateReport> All(EvaluateSettings settings, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Task is null && JointPackage.IsJoint(settings.Package) && JointPackage.Open(settings.Package) is { Tasks.Count: > 0 } joint
            ? Run([.. joint.Tasks.Select(joint.Task)], settings, cancellation)
            : [Run(settings, cancellation)];
    }

    private static List<EvaluateReport> Run(IReadOnlyList<AdapterPackage> packages, EvaluateSettings settings, CancellationToken cancellation)
    {
        // Rows are cheap to read: what is wrong with them is found before a model is loaded.
        var rows = packages.Select(p => Rows(p, settings)).ToList();
        using var model = GraftModel.Load([.. packages.Select(p => p.Place)], settings.Backbone, settings.Options);
        return [.. packages.Select((package, i) => Measure(package, model.Models[i], model.Tokenizer, rows[i], settings, cancellation))];
    }

    private static (IReadOnlyList<Example> Dev, IReadOnlyList<Example> Test) Rows(AdapterPackage package, EvaluateSettings settings)
    {
        var task = TaskModelPackage.Task(package);
        var trained = TaskSplits.From(package.Manifest.Training["splits"]) ?? new TaskSplits();
        var data = PublishedSplit.Of(
            TaskCatalog.Resolve(settings.Task ?? task.Name, settings.Data, settings.SplitSeed ?? trained.CutSeed ?? 0), trained.Rule, settings.SplitSeed ?? trained.Seed);
        return (Relabelled(data.Dev, data.Task, task, settings.Package), Relabelled(data.Test ?? [], data.Task, task, settings.Package));
    }

    private static EvaluateReport Measure(
        AdapterPackage package, TaskModel model, Tokenizer tokenizer, (IReadOnlyList<Example> Dev, IReadOnlyList<Example> Test) rows, EvaluateSettings settings,
        CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var truncated = 0;
        var (dev, test) = (On(rows.Dev), On(rows.Test));
        return new EvaluateReport(
            model.Task.Name, package.Place, dev.Metrics, test.Metrics, rows.Dev.Count, rows.Test.Count, truncated, clock.Elapsed.TotalSeconds,
            dev.Observed, test.Observed);

        EvaluationResult On(IReadOnlyList<Example> examples)
        {
            if (examples.Count == 0)
            {
                return EvaluationResult.OfNoRows;
            }

            var tokenized = model.Tokenize(examples, tokenizer);
            truncated += tokenized.TruncatedRows;
            return Evaluator.Evaluate(model, tokenized, settings.Batch, cancellation);
        }
    }

    private static AdapterPackage Open(EvaluateSettings settings) =>
        settings.Task is { } task && JointPackage.IsJoint(settings.Package) && JointPackage.Open(settings.Package) is var joint && joint.Tasks.Contains(task, StringComparer.Ordinal)
            ? joint.Task(task)
            : AdapterPackage.Open(settings.Package);

    /// <summary>Rows whose label indices are those of the package, which may list the same labels in another order.</summary>
    private static IReadOnlyList<Example> Relabelled(IReadOnlyList<Example> rows, TaskDefinition from, TaskDefinition to, string package)
    {
        if (from.Kind != to.Kind || from.IsPair != to.IsPair)
        {
            throw new GraftException(
                $"The package '{package}' answers a {Shape(to)}, and '{from.Name}' is a {Shape(from)}; name the task that it was trained on.");
        }

        if (from.Labels.SequenceEqual(to.Labels, StringComparer.Ordinal))
        {
            return rows;
        }

        var places = from.Labels.Select(l => Enumerable.Range(0, to.Labels.Count).FirstOrDefault(i => to.Labels[i] == l, -1)).ToArray();
        if (Array.IndexOf(places, -1) is var unknown and >= 0)
        {
            throw new GraftException(
                $"'{from.Name}' has the label '{from.Labels[unknown]}', which the package '{package}' does not know; {Suggest.Hint(from.Labels[unknown], to.Labels)}");
        }

        return [.. rows.Select(r => r with { Label = r.Label < 0 ? r.Label : places[r.Label], Labels = [.. r.Labels.Select(l => places[l]).Order()] })];
    }

    private static string Shape(TaskDefinition task) =>
        $"{task.Kind.ToString().ToLowerInvariant()} task of {(task.IsPair ? "two texts" : "one text")}";
}
