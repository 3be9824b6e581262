using Graft.Methods.Core.Bottlenecks;
using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>
/// The first layers of a hypernetwork: what a task's vector and the embedding of a place become, <c>I = LN(W_b relu(W_a [t; e] + b_a) + b_b)</c>,
/// ε = 1e-6.
/// </summary>
internal sealed class HyperTrunk : Module
{
    private readonly DenseProjection _hidden;
    private readonly DenseProjection _output;
    private readonly OwnNorm _norm;

    /// <summary>Creates the layers.</summary>
    /// <param name="inputs">The width of <c>[t; e]</c>.</param>
    /// <param name="hidden">The width of the hidden layer.</param>
    /// <param name="outputs">The width P of I.</param>
    /// <param name="init">Gives a map's weight [outputs, inputs] and bias [outputs].</param>
    public HyperTrunk(int inputs, int hidden, int outputs, Func<int, int, (Tensor Weight, Tensor Bias)> init)
    {
        _hidden = AddChild("hidden", Map(hidden, inputs));
        _output = AddChild("output", Map(outputs, hidden));
        _norm = AddChild("norm", new OwnNorm(outputs, 1e-6));

        DenseProjection Map(int rows, int columns)
        {
            var (weight, bias) = init(rows, columns);
            return new DenseProjection(weight, bias);
        }
    }

    /// <summary>Computes the features of tasks at places.</summary>
    /// <param name="tasks">[T, ...]: the tasks' vectors.</param>
    /// <param name="places">[N, ...]: the places' embeddings.</param>
    /// <returns>[T · N, P]: all places of the first task, then of the next.</returns>
    public Tensor Forward(Tensor tasks, Tensor places)
    {
        var (t, n) = (tasks.Size(0), places.Size(0));
        var pairs = Tensor.Cat([tasks.RepeatInterleave(n, 0), places.Repeat(t, 1)], 1);
        return _norm.Forward(_output.Forward(_hidden.Forward(pairs).Relu()));
    }

    /// <summary>The number of trained values.</summary>
    /// <param name="inputs">The width of <c>[t; e]</c>.</param>
    /// <param name="hidden">The width of the hidden layer.</param>
    /// <param name="outputs">P.</param>
    public static long Count(int inputs, int hidden, int outputs) =>
        ((inputs + 1L) * hidden) + ((hidden + 1L) * outputs) + (2L * outputs);
}

/// <summary>A trained vector of one task, under <c>tasks.TASK.KEY.vector</c>: a prototype, a task embedding.</summary>
internal sealed class TaskVector : Module
{
    public TaskVector(Tensor value) => Vector = AddParameter("vector", value);

    /// <summary>[E].</summary>
    public Parameter Vector { get; }
}
