using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>What one row of a batch uses.</summary>
/// <param name="Adapter">The adapter; null for the plain backbone.</param>
/// <param name="Task">The task within an adapter that holds several; null otherwise.</param>
/// <param name="FirstLayer">The first block of each stack in which the adapter acts (AdapterDrop, Rücklé et al. 2021, arXiv 2010.11918).</param>
public readonly record struct RowAdapter(Adapter? Adapter, string? Task = null, int FirstLayer = 0);

/// <summary>The result of a pass with adapters.</summary>
/// <param name="Output">The backbone's output, rows in the order of the input.</param>
/// <param name="AuxiliaryLoss">A scalar to add to the training loss, or null; always null where the pass is no training pass.</param>
/// <param name="Observations">What parts showed of the pass, by name, such as gates; rows are those of the sorted batch.</param>
public sealed record AdaptedOutput(
    BackboneOutput Output, Tensor? AuxiliaryLoss, IReadOnlyDictionary<string, IReadOnlyList<Observation>> Observations);

/// <summary>
/// A frozen backbone seen through adapters. The adapter of every row is an argument of the pass: there is no active adapter and no
/// ambient state, so passes with different adapters may run at the same time on several threads.
/// </summary>
/// <param name="backbone">The frozen model; not owned.</param>
public sealed partial class AdaptedModel(Backbone backbone)
{
    /// <summary>The frozen model.</summary>
    public Backbone Backbone { get; } = backbone;

    /// <summary>Computes a batch whose rows all use the same adapter.</summary>
    /// <param name="input">The batch.</param>
    /// <param name="adapter">The adapter; null for the plain backbone.</param>
    /// <param name="training">Whether dropout acts.</param>
    /// <param name="rng">The generator of dropout; required when training.</param>
    /// <param name="allHiddenStates">Whether to return every layer's output.</param>
    /// <param name="firstLayer">The first block of each stack in which the adapter acts.</param>
    /// <exception cref="ArgumentException">Training without a generator, an adapter of another backbone object, or one that holds several tasks.</exception>
    public AdaptedOutput Forward(
        BackboneInput input, Adapter? adapter, bool training = false, Rng? rng = null, bool allHiddenStates = false, int firstLayer = 0)
    {
        var rows = (int)input.InputIds.Size(0);
        return adapter is { Branches.Count: > 0 }
            ? Forward(input, [.. Enumerable.Repeat(new RowAdapter(adapter, null, firstLayer), rows)], training, rng, allHiddenStates)
            : Run(input, [new RowGroup(0, rows, adapter?.Parts, adapter?.Task(null), firstLayer)], [adapter], training, rng, allHiddenStates);
    }

    /// <summary>
    /// Computes a batch whose rows use different adapters and tasks, also of different methods. Rows are grouped by adapter and task,
    /// and every row's result is the one it has alone. A row with a parallel composition has as many rows in the output as the composition
    /// has adapters, next to each other.
    /// </summary>
    /// <param name="input">The batch.</param>
    /// <param name="rows">What each row uses, as many as the batch has rows.</param>
    /// <param name="training">Whether dropout acts.</param>
    /// <param name="rng">The generator of dropout; required when training.</param>
    /// <param name="allHiddenStates">Whether to return every layer's output.</param>
    /// <exception cref="ArgumentException">Another number of rows, a task that its adapter does not hold, training without a generator, or an adapter of another backbone object.</exception>
    public AdaptedOutput Forward(
        BackboneInput input, IReadOnlyList<RowAdapter> rows, bool training = false, Rng? rng = null, bool allHiddenStates = false)
    {
        Check(input, rows);
        if (rows.Any(r => r.Adapter is { Branches.Count: > 0 }))
        {
            var (expanded, branches) = Branched(input, rows);
            return Forward(expanded, branches, training, rng, allHiddenStates);
        }

        var (groups, adapters, order) = Grouped(rows);
        if (order is null)
        {
            return Run(input, groups, adapters, training, rng, allHiddenStates);
        }

        var device = input.InputIds.Device;
        using var back = Index([.. order.Select((row, position) => (row, position)).OrderBy(p => p.row).Select(p => p.position)], device);
        var sorted = Rows(input, order);
        var (output, loss, observations) = Run(sorted, groups, adapters, training, rng, allHiddenStates);
        return new AdaptedOutput(
            new BackboneOutput(
                output.LastHiddenState.IndexSelect(0, back),
                output.HiddenStates?.Select(h => h.IndexSelect(0, back)).ToList(),
                output.Pooled?.IndexSelect(0, back))
            {
                Decoded = output.Decoded?.IndexSelect(0, back),
                Logits = output.Logits?.IndexSelect(0, back),
                Encoded = output.Encoded?.Rows(back),
            },
            loss,
            observations);
    }

    private static void Check(BackboneInput input, IReadOnlyList<RowAdapter> rows)
    {
        var count = (int)input.InputIds.Size(0);
        if (rows.Count != count)
        {
            throw new ArgumentException($"The batch has {count} rows and {rows.Count} adapters were named.", nameof(rows));
        }

        if (rows.FirstOrDefault(r => r is { Adapter: null, Task: not null }) is { Task: { } unheld })
        {
            throw new ArgumentException($"A row names the task '{unheld}' and no adapter that holds it.", nameof(rows));
        }
    }

    /// <summary>The batch in which a row with a parallel composition is repeated for each of its adapters.</summary>
    private static (BackboneInput Input, IReadOnlyList<RowAdapter> Rows) Branched(BackboneInput input, IReadOnlyList<RowAdapter> rows)
    {
        List<int> origins = [];
        List<RowAdapter> branches = [];
        for (var i = 0; i < rows.Count; i++)
        {
            IReadOnlyList<Adapter?> own = rows[i].Adapter is { Branches: { Count: > 0 } several } ? (IReadOnlyList<Adapter?>)several : [rows[i].Adapter];
            foreach (var adapter in own)
            {
                origins.Add(i);
                branches.Add(rows[i] with { Adapter = adapter });
            }
        }

        return (Rows(input, [.. origins]), branches);
    }

    /// <summary>
    /// Groups rows of one adapter and task, in the order of their first appearance; with the rows in that order, or null where they are in it.
    /// </summary>
    private static (IReadOnlyList<RowGroup> Groups, IReadOnlyList<Adapter?> Adapters, int[]? Order) Grouped(IReadOnlyList<RowAdapter> named)
    {
        RowAdapter[] rows = [.. named.Select(r => r with { Task = r.Adapter?.Task(r.Task) })];
        var firsts = new Dictionary<RowAdapter, int>();
        for (var i = 0; i < rows.Length; i++)
        {
            firsts.TryAdd(rows[i], i);
        }

        // A stable sort: rows of one adapter and task become neighbours.
        var order = Enumerable.Range(0, rows.Length).OrderBy(i => firsts[rows[i]]).ToArray();
        var groups = new List<RowGroup>();
        for (var start = 0; start < rows.Length;)
        {
            var row = rows[order[start]];
            var end = start + 1;
            while (end < rows.Length && rows[order[end]] == row)
            {
                end++;
            }

            groups.Add(new RowGroup(start, end - start, row.Adapter?.Parts, row.Task, row.FirstLayer));
            start = end;
        }

        return (groups, [.. firsts.Keys.Select(r => r.Adapter).Distinct()], order.SequenceEqual(Enumerable.Range(0, rows.Length)) ? null : order);
    }

    private static BackboneInput Rows(BackboneInput input, int[] rows)
    {
        using var index = Index(rows, input.InputIds.Device);
        return new BackboneInput(
            input.InputIds.IndexSelect(0, index), input.Mask?.IndexSelect(0, index), input.TypeIds?.IndexSelect(0, index))
        {
            DecoderIds = input.DecoderIds?.IndexSelect(0, index),
            Encoded = input.Encoded?.Rows(index),
        };
    }

    private static Tensor Index(int[] positions, Device device) =>
        Tensor.From(positions.Select(p => (long)p).ToArray(), positions.Length).To(device);

    private AdaptedOutput Run(
        BackboneInput input, IReadOnlyList<RowGroup> groups, IReadOnlyList<Adapter?> adapters, bool training, Rng? rng, bool allHiddenStates)
    {
        if (training && rng is null)
        {
            throw new ArgumentException("A training pass needs a generator for dropout.", nameof(rng));
        }

        var (pass, leaves) = Prepared(new AdapterPass(groups, training, rng) { InputMask = input.Mask }, adapters);
        var output = Backbone.Forward(input, pass, allHiddenStates);
        Tensor? loss = null;
        foreach (var adapter in leaves)
        {
            if (adapter.Finish(pass, output) is { } term)
            {
                loss = loss is null ? term : loss + term;
            }
        }

        return new AdaptedOutput(output, loss, pass.Observations);
    }

    /// <summary>Lets every adapter of a pass compute what its parts need for it.</summary>
    private (AdapterPass Pass, IReadOnlyList<Adapter> Leaves) Prepared(AdapterPass pass, IReadOnlyList<Adapter?> adapters)
    {
        var leaves = adapters.OfType<Adapter>().SelectMany(a => a.Leaves).Distinct().ToList();
        if (leaves.Find(a => !ReferenceEquals(a.Parts.Sites, Backbone.Sites)) is { } foreign)
        {
            // Parts are found by a site's number and may have read its weights, so another model would be computed wrongly without a word.
            throw new ArgumentException(
                $"The adapter '{foreign.Name}' was attached to another backbone object than this model's; attach or load it with this model's backbone.", nameof(adapters));
        }

        leaves.ForEach(a => a.Prepare(pass));
        if (pass.Groups.Any(g => g.PositionShift != 0 && g.Parts is { IsMean: true }))
        {
            throw new GraftException("An average of adapters that shift positions has no position for the text; train them without shift_positions, or stack them.");
        }

        return (pass, leaves);
    }
}
