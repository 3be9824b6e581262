using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>How large a hypernetwork is.</summary>
/// <param name="Layers">The number L of blocks with generated bottlenecks.</param>
/// <param name="Positions">The number of bottlenecks in a block.</param>
/// <param name="SharedHeads">
/// Whether one set of heads generates for all positions, told apart by an embedding of the position; otherwise each position has a set.
/// </param>
/// <param name="Embedding">The width E of the embeddings of tasks, blocks and positions.</param>
/// <param name="Hidden">The width of the hidden layer.</param>
/// <param name="Features">The width P of the features that heads read.</param>
/// <param name="Width">The model's width W.</param>
/// <param name="Bottleneck">The width M of the bottlenecks.</param>
/// <param name="Norm">Whether a norm is generated for each.</param>
internal sealed record NetworkShape(
    int Layers, int Positions, bool SharedHeads, int Embedding, int Hidden, int Features, int Width, int Bottleneck, bool Norm)
{
    /// <summary>Whether positions are told apart by embeddings.</summary>
    public bool EmbedsPositions => SharedHeads && Positions > 1;

    /// <summary>The width of what the trunk reads: task, block and, where it is embedded, position.</summary>
    public int Inputs => (EmbedsPositions ? 3 : 2) * Embedding;

    /// <summary>The sets of heads.</summary>
    public int Sets => SharedHeads ? 1 : Positions;

    /// <summary>The number of trained values, without the tasks' vectors.</summary>
    public long Count() =>
        ((Layers + (EmbedsPositions ? (long)Positions : 0)) * Embedding) + HyperTrunk.Count(Inputs, Hidden, Features)
        + (Sets * BottleneckHeads.Count(Features, Width, Bottleneck, Norm));
}

/// <summary>
/// A hypernetwork over tasks, blocks and positions: <c>I = trunk([t; e_l; p_j])</c> or <c>trunk([t; e_l])</c>, from which heads generate the
/// bottleneck of task t in block l at position j. Bottlenecks are generated once per task, whatever the number of its rows.
/// </summary>
internal sealed class BottleneckNetwork : Module, IBottleneckSource
{
    private readonly NetworkShape _shape;
    private readonly IReadOnlyDictionary<string, TaskVector> _tasks;
    private readonly Parameter _layers;
    private readonly Parameter? _positions;
    private readonly HyperTrunk _trunk;
    private readonly BottleneckHeads[] _heads;

    /// <summary>Creates a hypernetwork; embeddings start as N(0, 1).</summary>
    /// <param name="shape">How large it is.</param>
    /// <param name="tasks">The tasks' vectors [E]; owned by the adapter.</param>
    /// <param name="trunk">Gives weight and bias of a map of the trunk.</param>
    /// <param name="heads">Gives the initial weight of a head.</param>
    /// <param name="rng">The generator of initial values.</param>
    public BottleneckNetwork(
        NetworkShape shape, IReadOnlyDictionary<string, TaskVector> tasks, Func<int, int, (Tensor Weight, Tensor Bias)> trunk, HeadInit heads, Rng rng)
    {
        (_shape, _tasks) = (shape, tasks);
        _layers = AddParameter("layers", rng.Normal([shape.Layers, shape.Embedding], 0, 1));
        _positions = shape.EmbedsPositions ? AddParameter("positions", rng.Normal([shape.Positions, shape.Embedding], 0, 1)) : null;
        _trunk = AddChild("trunk", new HyperTrunk(shape.Inputs, shape.Hidden, shape.Features, trunk));
        _heads =
        [
            .. Enumerable.Range(0, shape.Sets).Select(s => AddChild(
                shape.Sets == 1 ? "heads" : $"heads.{s}", new BottleneckHeads(shape.Width, shape.Bottleneck, shape.Norm, heads))),
        ];
    }

    /// <summary>The number of the place at a position of a block.</summary>
    /// <param name="layer">The block's number among those with bottlenecks.</param>
    /// <param name="position">The position's number.</param>
    public int Place(int layer, int position) => (layer * _shape.Positions) + position;

    /// <summary>[T, E]: the vectors of tasks.</summary>
    /// <param name="tasks">The tasks.</param>
    public Tensor Vectors(IEnumerable<string> tasks) => Tensor.Stack([.. tasks.Select(t => _tasks[t].Vector.Value)], 0);

    /// <inheritdoc/>
    public GeneratedBottlenecks Generate(IReadOnlyList<string> tasks)
    {
        var places = _positions is null ? _layers.Value : Tensor.Cat(
            [_layers.Value.RepeatInterleave(_shape.Positions, 0), _positions.Value.Repeat(_shape.Layers, 1)], 1);
        var features = _trunk.Forward(Vectors(tasks), places);
        var sets = _heads.Select(h => h.Generate(features)).ToArray();
        var each = _shape.Layers * _shape.Positions / sets.Length;
        var generated = new GeneratedBottlenecks();
        for (var t = 0; t < tasks.Count; t++)
        {
            // With a set of heads per position, place (l, j) is row l of set j.
            generated.Add(tasks[t], [.. Enumerable.Range(t * each, each).SelectMany(row => sets.Select(s => s[row]))]);
        }

        return generated;
    }
}
