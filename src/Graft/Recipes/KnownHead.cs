using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
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
    /// <param name="known">Their adapter.</param>
    /// <param name="start">Those that the new task starts at, the most important one first.</param>
    /// <param name="task">The new task.</param>
    /// <param name="config">The settings of its head.</param>
    /// <param name="rows">Makes its training rows, at least one; asked for where a head may serve.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>The first task whose head is of the same form, has an output for each of the new one's, and has a smaller loss on the rows than a guess.</returns>
    public static string? Find(
        JointPackage package, Adapter known, IEnumerable<string> start, TaskDefinition task, HeadConfig config, Func<TokenizedRows> rows, Backbone backbone,
        CancellationToken cancellation) => config is not PooledHeadConfig form ? null : start.FirstOrDefault(name =>
    {
        var place = package.Task(name);
        if (TaskModelPackage.Head(place) is not PooledHeadConfig has || (has.Kind, has.Pooling, has.Layers) != (form.Kind, form.Pooling, form.Layers)
            || Outputs(task, place) is not { } outputs)
        {
            return false;
        }

        using var head = Load(place, backbone);
        return BeatsAGuess(head, new RowAdapter(known, name), outputs, form, rows(), backbone, cancellation);
    });

    /// <summary>Gives a head the values of a known one's outputs.</summary>
    /// <param name="package">The known tasks.</param>
    /// <param name="name">The task that was found.</param>
    /// <param name="model">The new task's model.</param>
    public static void Take(JointPackage package, string name, TaskModel model)
    {
        using var scope = new TensorScope();
        var place = package.Task(name);
        using var known = Load(place, model.Backbone);
        var outputs = Tensor.From(Outputs(model.Task, place)!);
        foreach (var ((path, parameter), (_, value)) in model.Head.NamedParameters().Zip(known.NamedParameters()))
        {
            parameter.Assign(LinearLayers.IsOfOutputs(path) ? value.Value.IndexSelect(0, outputs) : value.Value);
        }
    }

    private static Head Load(AdapterPackage place, Backbone backbone)
    {
        using var rng = new Rng(0, Device.Cpu);
        return place.LoadHead(HeadSettings.Create(TaskModelPackage.Head(place), backbone, rng));
    }

    // The known head's output for each of the new task's.
    private static long[]? Outputs(TaskDefinition task, AdapterPackage place)
    {
        List<string> known = [.. TaskModelPackage.Task(place).Labels];
        long[] outputs = task.Kind == TaskKind.Regression ? [0] : [.. task.Labels.Select(label => (long)known.IndexOf(label))];
        return outputs.Contains(-1) ? null : outputs;
    }

    private static bool BeatsAGuess(
        Head known, RowAdapter under, long[] outputs, PooledHeadConfig form, TokenizedRows rows, Backbone backbone, CancellationToken cancellation)
    {
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(0, Device.Cpu);
        using var head = new PooledHead(form, backbone.Config.HiddenSize, rng);
        known.MoveTo(backbone.Device);
        var lead = 0.0;
        foreach (var batch in BatchSampler.Sorted(rows.Lengths, BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var input = rows.Batch(batch, backbone.Device);
            var output = new AdaptedModel(backbone).Forward(input, [.. Enumerable.Repeat(under, batch.Length)]).Output;
            var logits = known.Forward(output, input.Mask).IndexSelect(1, Tensor.From(outputs).To(backbone.Device));
            var targets = rows.Targets(batch, backbone.Device);
            lead += batch.Length * (head.Loss(logits.ZerosLike(), targets) - head.Loss(logits, targets)).ToDouble();
        }

        return lead > 0;
    }
}
