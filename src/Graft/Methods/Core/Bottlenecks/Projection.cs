using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Bottlenecks;

/// <summary>A trained affine map of a bottleneck: <c>x ↦ x Wᵀ + b</c>, however W is made.</summary>
internal abstract class Projection : Module
{
    /// <summary>The type of the map's parameters.</summary>
    public abstract DType DType { get; }

    /// <summary>Computes the map.</summary>
    /// <param name="rows">The rows of the batch: their task and their pass, for weights that are made per task and pass.</param>
    /// <param name="x">[B, T, In], of the parameters' type.</param>
    /// <returns>[B, T, Out].</returns>
    public abstract Tensor Forward(RowGroup rows, Tensor x);
}

/// <summary>A map with a full weight [Out, In] and a bias [Out].</summary>
internal sealed class DenseProjection : Projection
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;

    /// <summary>Creates a map.</summary>
    /// <param name="weight">[Out, In].</param>
    /// <param name="bias">[Out]; null for zeros.</param>
    public DenseProjection(Tensor weight, Tensor? bias = null)
    {
        _weight = AddParameter("weight", weight);
        _bias = AddParameter("bias", bias ?? Tensor.Zeros([weight.Size(0)]));
    }

    public override DType DType => _weight.Value.DType;

    public override Tensor Forward(RowGroup rows, Tensor x) => Forward(x);

    public Tensor Forward(Tensor x) => F.Linear(x, _weight, _bias);
}

/// <summary>A layer norm of an adapter's own: gain one, bias zero at the start, ε = 1e-5 unless given.</summary>
internal sealed class OwnNorm : Module
{
    private readonly Parameter _gain;
    private readonly Parameter _bias;
    private readonly double _epsilon;

    public OwnNorm(int width, double epsilon = 1e-5)
    {
        _epsilon = epsilon;
        _gain = AddParameter("weight", Tensor.Ones([width]));
        _bias = AddParameter("bias", Tensor.Zeros([width]));
    }

    public Tensor Forward(Tensor x) => F.LayerNorm(x, _gain, _bias, _epsilon);
}
