namespace Graft.Torch;

/// <content>Products and decompositions of matrices.</content>
public sealed partial class Tensor
{
    private static readonly Op s_matmul = new("aten::matmul");
    private static readonly Op s_bmm = new("aten::bmm");
    private static readonly Op s_outer = new("aten::outer");
    private static readonly Op s_kron = new("aten::kron");
    private static readonly Op s_einsum = new("aten::einsum");
    private static readonly Op s_inverse = new("aten::linalg_inv");
    private static readonly Op s_solve = new("aten::linalg_solve");
    private static readonly Op s_svd = new("aten::linalg_svd");
    private static readonly Op s_qr = new("aten::linalg_qr");

    /// <summary>The product of matrices in the last two dimensions, the others broadcast.</summary>
    /// <param name="other">[..., N, P].</param>
    /// <returns>[..., M, P] for this tensor of [..., M, N].</returns>
    /// <exception cref="ShapeException">The inner sizes differ.</exception>
    public Tensor MatMul(Tensor other) => s_matmul.Call(this, other);

    /// <summary>The products of two stacks of matrices.</summary>
    /// <param name="other">[B, N, P].</param>
    /// <returns>[B, M, P] for this tensor of [B, M, N].</returns>
    /// <exception cref="ShapeException">The sizes differ.</exception>
    public Tensor BatchMatMul(Tensor other) => s_bmm.Call(this, other);

    /// <summary>The products of all pairs of elements.</summary>
    /// <param name="other">[N].</param>
    /// <returns>[M, N] for this tensor of [M].</returns>
    public Tensor Outer(Tensor other) => s_outer.Call(this, other);

    /// <summary>The Kronecker product.</summary>
    /// <param name="other">[P, Q].</param>
    /// <returns>[M P, N Q] for this tensor of [M, N].</returns>
    public Tensor Kron(Tensor other) => s_kron.Call(this, other);

    /// <summary>Products and sums by Einstein's notation.</summary>
    /// <param name="equation">Such as <c>bi,bij->bj</c>.</param>
    /// <param name="tensors">One for each term on the left.</param>
    /// <returns>What the equation's right side tells.</returns>
    public static Tensor Einsum(string equation, params IReadOnlyList<Tensor> tensors) => s_einsum.Call(equation, Arg.Tensors(tensors));

    /// <summary>The inverses of square matrices.</summary>
    /// <returns>[..., N, N].</returns>
    /// <exception cref="TorchException">A matrix is singular.</exception>
    public Tensor Inverse() => s_inverse.Call(this);

    /// <summary>The X with this X = other.</summary>
    /// <param name="other">[..., N, P].</param>
    /// <returns>[..., N, P].</returns>
    /// <exception cref="TorchException">A matrix is singular.</exception>
    public Tensor Solve(Tensor other) => s_solve.Call(this, other);

    /// <summary>The reduced singular value decomposition U diag(S) Vh.</summary>
    /// <returns>[..., M, K], [..., K] falling, [..., K, N] with K = min(M, N).</returns>
    public (Tensor U, Tensor S, Tensor Vh) Svd()
    {
        var results = s_svd.CallMany(this, false);
        return (results[0]!, results[1]!, results[2]!);
    }

    /// <summary>The reduced QR decomposition.</summary>
    /// <returns>[..., M, K] with orthonormal columns, [..., K, N] upper triangular, K = min(M, N).</returns>
    public (Tensor Q, Tensor R) Qr()
    {
        var results = s_qr.CallMany(this, "reduced");
        return (results[0]!, results[1]!);
    }
}
