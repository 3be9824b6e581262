using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// The head of a known task as the first one of a new task that answers with the same labels: what tells entailment from contradiction tells it of
/// other texts too. Stateless.
/// </summary>
internal static class KnownHead
{
    private const int BatchSize = 32;

    /// <summary>The known task at whose head a new one begins; null for none.</summary>
    /// <param name="package">The known tasks.</param>
    /// <param name="start">Those that the new task starts at, the most important one first.</param>
    /// <param name="task">The new task.</param>
    /// <param name="config">The settings of its head.</param>
    /// <param name="rows">Its training rows.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>The first task whose head is of the same form, has an output for each of the new one's, and has a smaller loss on the rows than a guess.</returns>
    public static string? Find(
        JointPackage package, IEnumerable<string> start, TaskDefinition task, HeadConfig config, TokenizedRows rows, Backbone backbone, CancellationToken cancellation)
    {
        if (config is not PooledHeadConfig form || rows.Count == 0)
        {
            return null;
        }

        foreach (var name in start)
        {
            using var known = TaskModelPackage.Load(package.Task(name), backbone);
            if (known.Head is PooledHead { Config: var has } && (has.Kind, has.Pooling, has.Layers) == (form.Kind, form.Pooling, form.Layers)
                && Outputs(task, known.Task) is { } outputs && BeatsAGuess(known, outputs, form, rows, cancellation))
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>Gives a head the values of a known one's outputs.</summary>
    /// <param name="package">The known tasks.</param>
    /// <param name="name">The task that was found.</param>
    /// <param name="model">The new task's model.</param>
    public static void Take(JointPackage package, string name, TaskModel model)
    {
        using var scope = new TensorScope();
        using var known = TaskModelPackage.Load(package.Task(name), model.Backbone);
        var outputs = Tensor.From(Outputs(model.Task, known.Task)!).To(model.Backbone.Device);
        foreach (var ((path, parameter), (_, value)) in model.Head.NamedParameters().Zip(known.Head.NamedParameters()))
        {
            parameter.Assign(PooledHead.IsOfOutputs(path) ? value.Value.IndexSelect(0, outputs) : value.Value);
        }
    }

    // The known head's output for each of the new task's.
    private static long[]? Outputs(TaskDefinition task, TaskDefinition known)
    {
        long[] outputs = task.Kind == TaskKind.Regression ? [0] : [.. task.Labels.Select(label => (long)known.Labels.ToList().IndexOf(label))];
        return outputs.Contains(-1) ? null : outputs;
    }

    private static bool BeatsAGuess(TaskModel known, long[] outputs, PooledHeadConfig form, TokenizedRows rows, CancellationToken cancellation)
    {
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(0, Device.Cpu);
        using var head = new PooledHead(form, known.Backbone.Config.HiddenSize, rng);
        var lead = 0.0;
        foreach (var batch in BatchSampler.Sorted(rows.Lengths, BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var logits = known.Forward(rows.Batch(batch, known.Backbone.Device)).Logits.IndexSelect(1, Tensor.From(outputs).To(known.Backbone.Device));
            var targets = rows.Targets(batch, known.Backbone.Device);
            lead += batch.Length * (head.Loss(logits.ZerosLike(), targets) - head.Loss(logits, targets)).ToDouble();
        }

        return lead > 0;
    }
}
