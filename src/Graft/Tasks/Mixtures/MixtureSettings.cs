using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Tasks.Mixtures;

/// <summary>How often a task of a mixture is trained on.</summary>
public enum TaskSampling
{
    /// <summary>As its rows are of all rows: p = n / Σn.</summary>
    Proportional,

    /// <summary>As often as every other task: p = 1 / T.</summary>
    Uniform,

    /// <summary>Between the two: p proportional to n^(1/τ) with the temperature τ.</summary>
    Temperature,
}

/// <summary>
/// How rows of several tasks are mixed. The defaults are PHA's recipe (one shuffled list of all rows); HyperFormer's and PROPETL's is
/// <c>new(TaskSampling.Temperature, 10, OneTaskBatches: true, Replacement: true)</c>. Immutable.
/// </summary>
/// <param name="Sampling">How often a task is drawn.</param>
/// <param name="Temperature">The temperature of <see cref="TaskSampling.Temperature"/>, at least 1: 1 is proportional, large ones are uniform.</param>
/// <param name="OneTaskBatches">Whether all rows of a step are of one task; otherwise every row is drawn for itself.</param>
/// <param name="Replacement">Whether rows are drawn anew each time; otherwise a task's rows come once each before one comes again.</param>
public sealed record MixtureSettings(
    TaskSampling Sampling = TaskSampling.Proportional, double Temperature = 10, bool OneTaskBatches = false, bool Replacement = false)
{
    /// <summary>Reads the keys <c>sampling</c>, <c>temperature</c>, <c>one_task_batches</c> and <c>replacement</c> of an object, which may have others.</summary>
    /// <param name="settings">The object.</param>
    /// <exception cref="GraftException">A value is of the wrong kind or out of range.</exception>
    public static MixtureSettings Read(StrictObject settings)
    {
        var defaults = new MixtureSettings();
        return new MixtureSettings(
            settings.Choice<TaskSampling>("sampling", defaults.Sampling),
            settings.Number("temperature", defaults.Temperature) is >= 1 and < double.PositiveInfinity and var temperature
                ? temperature
                : throw settings.Error("temperature", $"'temperature' is {settings.Raw("temperature")}, expected a number of at least 1."),
            settings.Flag("one_task_batches", defaults.OneTaskBatches), settings.Flag("replacement", defaults.Replacement));
    }

    /// <summary>The settings as <see cref="Read"/> takes them, every value written.</summary>
    public JsonObject ToJson() => new()
    {
        ["sampling"] = Sampling.ToString().ToLowerInvariant(),
        ["temperature"] = Temperature,
        ["one_task_batches"] = OneTaskBatches,
        ["replacement"] = Replacement,
    };

    /// <summary>How often each task is drawn.</summary>
    /// <param name="rows">The training rows of each task, at least one.</param>
    /// <returns>Probabilities, in the order of the tasks.</returns>
    public IReadOnlyList<double> Probabilities(IReadOnlyList<int> rows)
    {
        var weights = rows.Select(n => Sampling switch
        {
            TaskSampling.Proportional => n,
            TaskSampling.Uniform => 1,
            _ => Math.Pow(n, 1 / Temperature),
        }).ToList();
        return weights.ConvertAll(w => w / weights.Sum());
    }
}

/// <summary>A training row of a mixture.</summary>
/// <param name="Task">The task's place among the tasks.</param>
/// <param name="Row">The row's number among the task's training rows.</param>
public readonly record struct MixtureRow(int Task, int Row);
