using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Bottlenecks;

/// <summary>
/// n matrices of one shape, whole [n, rows, columns] or each as a product of two factors [n, rows, rank] and [n, rank, columns].
/// </summary>
internal sealed class MatrixStack : Module
{
    private readonly Parameter? _whole;
    private readonly Parameter? _left;
    private readonly Parameter? _right;

    public MatrixStack(Tensor whole, bool trainable = true) => _whole = AddParameter("weight", whole, trainable);

    public MatrixStack(Tensor left, Tensor right, bool trainable = true)
    {
        _left = AddParameter("left", left, trainable);
        _right = AddParameter("right", right, trainable);
    }

    public DType DType => (_whole ?? _left!).Value.DType;

    /// <summary>The rows of each matrix.</summary>
    public long Rows => (_whole ?? _left!).Value.Size(1);

    /// <summary>The columns of each matrix.</summary>
    public long Columns => (_whole ?? _right!).Value.Size(2);

    /// <summary>The matrices, [n, rows, columns].</summary>
    public Tensor Whole() => _whole is not null ? _whole : _left!.Value.BatchMatMul(_right!);
}

/// <summary>
/// A parameterized hypercomplex map (Zhang et al. 2021, arXiv 2102.08597): <c>y = x W + b</c> with <c>W = Σ_i A_i ⊗ B_i</c>, the rules
/// A_i [n, n] and weights B_i [In/n, Out/n]. Rules, weights or both may belong to all layers.
/// </summary>
internal sealed class PhmProjection : Projection
{
    private readonly MatrixStack _rule;
    private readonly MatrixStack _weights;
    private readonly Parameter? _bias;

    /// <summary>Creates a map.</summary>
    /// <param name="rule">A.</param>
    /// <param name="ownsRule">Whether the rule is this map's own and registered as <c>rule</c>.</param>
    /// <param name="weights">B.</param>
    /// <param name="ownsWeights">Whether the weights are this map's own and registered without a prefix.</param>
    /// <param name="bias">The width of the bias, or null for none.</param>
    public PhmProjection(MatrixStack rule, bool ownsRule, MatrixStack weights, bool ownsWeights, int? bias)
    {
        (_rule, _weights) = (rule, weights);
        if (ownsRule)
        {
            AddChild("rule", rule);
        }

        if (ownsWeights)
        {
            AddChild("", weights);
        }

        _bias = bias is { } width ? AddParameter("bias", Tensor.Zeros([width])) : null;
    }

    public override DType DType => _weights.DType;

    public override Tensor Forward(RowGroup rows, Tensor x) => Forward(x);

    public Tensor Forward(Tensor x)
    {
        var (a, b) = (_rule.Whole(), _weights.Whole());
        var w = Tensor.Einsum("ipr,iqs->pqrs", a, b).Reshape(a.Size(1) * b.Size(1), a.Size(2) * b.Size(2));
        var y = x.MatMul(w);
        return _bias is null ? y : y + _bias;
    }
}
