using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>
/// Models of tasks that are trained together: one backbone, one adapter, and a head for each task. It owns the models. Thread contract:
/// forward passes may run at once; only training changes it.
/// </summary>
public sealed class TaskModels : ITrainable, IDisposable
{
    /// <summary>Joins models.</summary>
    /// <param name="models">The models, at least one, on one adapter; owned from now on.</param>
    /// <exception cref="ArgumentException">None is given, they have different adapters, or two are of one task.</exception>
    public TaskModels(IReadOnlyList<TaskModel> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        if (models.Count == 0 || models.Any(m => m.Adapter != models[0].Adapter))
        {
            throw new ArgumentException("Tasks that are trained together need one adapter, and at least one task.", nameof(models));
        }

        if (models.DistinctBy(m => m.Task.Name, StringComparer.Ordinal).Count() < models.Count)
        {
            throw new ArgumentException($"A task comes twice: {string.Join(", ", models.Select(m => m.Task.Name))}.", nameof(models));
        }

        Models = models;
    }

    /// <summary>The models, in the order in which they were given.</summary>
    public IReadOnlyList<TaskModel> Models { get; }

    /// <summary>The names of the tasks, in the order of the models.</summary>
    public IReadOnlyList<string> Names => field ??= [.. Models.Select(m => m.Task.Name)];

    /// <summary>The frozen model; not owned.</summary>
    public Backbone Backbone => Models[0].Backbone;

    /// <summary>The adapter.</summary>
    public Adapter Adapter => Models[0].Adapter;

    /// <summary>
    /// Every trained parameter: the adapter's under <c>adapter.</c>; the head's of a single task under <c>head.</c>, those of several under
    /// <c>heads.TASK.</c>.
    /// </summary>
    public IEnumerable<(string Path, Parameter Parameter)> Parameters() => Models.Count == 1 ? Models[0].Parameters()
        : Adapter.NamedParameters().Select(p => ("adapter." + p.Path, p.Parameter))
            .Concat(Models.SelectMany(m => m.Head.NamedParameters().Select(p => ($"heads.{m.Task.Name}.{p.Path}", p.Parameter))));

    /// <summary>The only task that trains a parameter of <see cref="Parameters"/>; null for what every task trains.</summary>
    /// <param name="path">Its path.</param>
    public string? TaskOf(string path) => path.StartsWith("adapter.", StringComparison.Ordinal)
        ? Adapter.Tasks.Count > 1 ? Adapter.TaskOf(path["adapter.".Length..]) : null
        : Models.Count > 1 ? Models.Select(m => m.Task.Name).Where(t => path.StartsWith($"heads.{t}.", StringComparison.Ordinal)).MaxBy(t => t.Length) : null;

    /// <summary>Computes the logits of a batch whose rows are grouped by task.</summary>
    /// <param name="input">The batch: the rows of the first task, then those of the second, and so on.</param>
    /// <param name="counts">The number of rows of each model's task; 0 for a task that has none in the batch.</param>
    /// <param name="training">The generator of dropout while training; null in evaluation.</param>
    /// <param name="firstLayer">The first block of each stack in which the adapter acts (AdapterDrop).</param>
    /// <returns>For each task its head's scores, such as [b, C] logits, null for a task without rows; and the adapter's term of the training loss, or null.</returns>
    public (IReadOnlyList<Tensor?> Logits, Tensor? AuxiliaryLoss) Forward(
        BackboneInput input, IReadOnlyList<int> counts, Rng? training = null, int firstLayer = 0)
    {
        var rows = Models.SelectMany((m, task) => Enumerable.Repeat(m.Row with { FirstLayer = firstLayer }, counts[task])).ToList();
        var (output, auxiliary, _) = new AdaptedModel(Backbone).Forward(input, rows, training is not null, training);
        var logits = new Tensor?[Models.Count];
        var start = 0;
        for (var task = 0; task < logits.Length; start += counts[task++])
        {
            if (counts[task] > 0)
            {
                var (part, mask) = counts[task] == rows.Count
                    ? (output, input.Mask)
                    : (Rows(output, start, counts[task]), input.Mask?.Narrow(0, start, counts[task]));
                logits[task] = Models[task].Head.Forward(part, mask, training);
            }
        }

        return (logits, auxiliary);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in Models)
        {
            model.Dispose();
        }
    }

    private static BackboneOutput Rows(BackboneOutput output, int start, int count) =>
        new(output.LastHiddenState.Narrow(0, start, count), null, output.Pooled?.Narrow(0, start, count))
        {
            Decoded = output.Decoded?.Narrow(0, start, count),
            Logits = output.Logits?.Narrow(0, start, count),
        };
}
