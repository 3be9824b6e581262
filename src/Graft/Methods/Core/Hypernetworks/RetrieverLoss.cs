using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>PHA's terms of the training loss: both contrastive losses of a pass's rows, each times its weight. Immutable.</summary>
/// <param name="tasks">The adapter's tasks.</param>
/// <param name="retriever">Maps pooled states to vectors.</param>
/// <param name="network">Holds the prototypes.</param>
/// <param name="kept">Where the pooled states are kept; null to pool the encoder's last states.</param>
/// <param name="temperature">τ.</param>
/// <param name="instanceWeight">The weight of the loss between rows.</param>
/// <param name="prototypeWeight">The weight of the loss between rows and prototypes.</param>
internal sealed class RetrieverLoss(
    IReadOnlyList<string> tasks, Retriever retriever, BottleneckNetwork network, PooledStates? kept,
    double temperature, double instanceWeight, double prototypeWeight)
{
    private readonly Dictionary<string, int> _numbers = tasks.Index().ToDictionary(t => t.Item, t => t.Index, StringComparer.Ordinal);

    /// <summary>The terms of a finished training pass, as <see cref="AuxiliaryLoss"/>.</summary>
    public Tensor? Of(AdapterPass pass, IReadOnlyList<RowGroup> groups, BackboneOutput output)
    {
        if (Vectors(groups, output) is not (var rows, { } vectors))
        {
            return null;
        }

        var own = rows.SelectMany(r => Enumerable.Repeat(_numbers[r.Task!], r.Count)).ToList();
        var instances = instanceWeight > 0 ? ContrastiveLosses.Instances(vectors, own, temperature) : null;
        var nearest = prototypeWeight > 0 ? ContrastiveLosses.Prototypes(vectors, network.Vectors(tasks), own, temperature) : null;
        return instances is null ? nearest is null ? null : nearest * prototypeWeight
            : nearest is null ? instances * instanceWeight
            : (instances * instanceWeight) + (nearest * prototypeWeight);
    }

    /// <summary>Shows the cosines of the rows of a pass with every prototype.</summary>
    public void Show(AdapterPass pass, IReadOnlyList<RowGroup> groups, BackboneOutput output)
    {
        if (Vectors(groups, output) is not (var rows, { } vectors))
        {
            return;
        }

        var cosines = ContrastiveLosses.Cosines(vectors, network.Vectors(tasks));
        var start = 0;
        foreach (var group in rows)
        {
            for (var t = 0; t < tasks.Count; t++)
            {
                pass.Observe(PrototypePictures.Observed(group.Task!, tasks[t]), group, cosines.Narrow(0, start, group.Count).Select(1, t));
            }

            start += group.Count;
        }
    }

    /// <summary>The cosines of rows, taken for rows of a task, with the prototypes of tasks.</summary>
    /// <param name="adapter">An adapter with a retriever.</param>
    /// <param name="backbone">Its backbone.</param>
    /// <param name="rows">The batch, of B rows.</param>
    /// <param name="task">The task that the rows are taken for.</param>
    /// <param name="prototypes">P tasks.</param>
    /// <returns>[B][P].</returns>
    public static double[][] Cosines(Adapter adapter, Backbone backbone, BackboneInput rows, string task, IReadOnlyList<string> prototypes)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var count = (int)rows.InputIds.Size(0);
        var seen = new AdaptedModel(backbone).Forward(rows, [.. Enumerable.Repeat(new RowAdapter(adapter, task), count)]).Observations;
        var columns = prototypes.Select(p =>
            seen[PrototypePictures.Observed(task, p)].Single().Value.To(DType.Float64).To(Device.Cpu).ToArray<double>()).ToList();
        return [.. Enumerable.Range(0, count).Select(row => columns.Select(c => c[row]).ToArray())];
    }

    // The groups whose states were kept, and [B, E] of their rows in order; null where there are none.
    private (IReadOnlyList<RowGroup> Rows, Tensor? Vectors) Vectors(IReadOnlyList<RowGroup> groups, BackboneOutput output)
    {
        var pooled = groups.Select(g => (Rows: g, States: Pooled(g, output))).Where(p => p.States is not null).ToList();
        return ([.. pooled.Select(p => p.Rows)], pooled.Count == 0 ? null : retriever.Forward(Tensor.Cat([.. pooled.Select(p => p.States!)], 0)));
    }

    private Tensor? Pooled(RowGroup rows, BackboneOutput output) => kept is not null
        ? kept.Of(rows)
        : Retriever.Pool(rows.Slice(output.LastHiddenState), rows.InputMask);
}
