using Graft.Backbones.Sites;
using Graft.Methods.Core.Bottlenecks;
using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>
/// PHA's instance-dense retriever: <c>z = W_2 relu(W_1 v + b_1) + b_2</c> of the mean v of a row's states over its real tokens. z is compared with
/// prototypes; it never feeds an adapter.
/// </summary>
internal sealed class Retriever : Module
{
    private readonly DenseProjection _hidden;
    private readonly DenseProjection _output;

    /// <summary>Creates the map, as PyTorch starts linear maps.</summary>
    /// <param name="width">The width W of the states.</param>
    /// <param name="hidden">The width of the hidden layer.</param>
    /// <param name="outputs">The width of z.</param>
    /// <param name="rng">The generator of initial values.</param>
    public Retriever(int width, int hidden, int outputs, Rng rng)
    {
        _hidden = AddChild("hidden", Map(hidden, width));
        _output = AddChild("output", Map(outputs, hidden));

        DenseProjection Map(int rows, int columns)
        {
            var (weight, bias) = Init.TorchLinear(rng, rows, columns);
            return new DenseProjection(weight, bias);
        }
    }

    /// <summary>Maps pooled states.</summary>
    /// <param name="pooled">[B, W], floating.</param>
    /// <returns>[B, E], of the parameters' type.</returns>
    public Tensor Forward(Tensor pooled) => _output.Forward(_hidden.Forward(pooled.To(_hidden.DType)).Relu());

    /// <summary>The mean over real tokens, in float32 or wider.</summary>
    /// <param name="states">[B, T, W], floating.</param>
    /// <param name="mask">[B, T], 1 at real tokens; null where nothing is padded.</param>
    /// <returns>[B, W].</returns>
    public static Tensor Pool(Tensor states, Tensor? mask) => TokenMean.Of(Widened(states), mask).Squeeze(1);

    /// <summary>The mean over real tokens where a pass stands, in float32 or wider.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="states">[B, T, W], or [1, n, W] packed; floating.</param>
    /// <returns>[B, W].</returns>
    public static Tensor Pool(RowGroup rows, Tensor states) => rows.TokenMean(Widened(states)).Squeeze(1);

    private static Tensor Widened(Tensor states) => states.DType == DType.Float64 ? states : states.To(DType.Float32);

    /// <summary>The number of trained values.</summary>
    /// <param name="width">W.</param>
    /// <param name="hidden">The width of the hidden layer.</param>
    /// <param name="outputs">The width of z.</param>
    public static long Count(int width, int hidden, int outputs) => ((width + 1L) * hidden) + ((hidden + 1L) * outputs);
}

/// <summary>Keeps the pooled states that enter a block, for a retriever that must not see what was adapted to the task.</summary>
internal sealed class PooledStates : HiddenPart
{
    public override HiddenHooks Hooks => HiddenHooks.Before;

    /// <summary>Makes room for a pass.</summary>
    public void Begin(AdapterPass pass) => pass.Set(this, new Dictionary<RowGroup, Tensor>());

    /// <summary>[B, W]: the pooled states of a group's rows; null where the block ran without adapters for them.</summary>
    public Tensor? Of(RowGroup rows) => rows.Pass.Get<Dictionary<RowGroup, Tensor>>(this).GetValueOrDefault(rows);

    public override Tensor Before(RowGroup rows, Tensor input)
    {
        rows.Pass.Get<Dictionary<RowGroup, Tensor>>(this)[rows] = Retriever.Pool(rows, input);
        return input;
    }
}
