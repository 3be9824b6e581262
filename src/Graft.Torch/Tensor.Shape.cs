namespace Graft.Torch;

/// <content>Views, joins and selections.</content>
public sealed partial class Tensor
{
    private static readonly Op s_view = new("aten::view");
    private static readonly Op s_reshape = new("aten::reshape");
    private static readonly Op s_flatten = new("aten::flatten", "using_ints");
    private static readonly Op s_transpose = new("aten::transpose", "int");
    private static readonly Op s_permute = new("aten::permute");
    private static readonly Op s_expand = new("aten::expand");
    private static readonly Op s_repeat = new("aten::repeat");
    private static readonly Op s_repeatInterleave = new("aten::repeat_interleave", "self_int");
    private static readonly Op s_unsqueeze = new("aten::unsqueeze");
    private static readonly Op s_squeeze = new("aten::squeeze", "dim");
    private static readonly Op s_narrow = new("aten::narrow");
    private static readonly Op s_select = new("aten::select", "int");
    private static readonly Op s_indexSelect = new("aten::index_select");
    private static readonly Op s_index = new("aten::index", "Tensor");
    private static readonly Op s_gather = new("aten::gather");
    private static readonly Op s_scatterAdd = new("aten::scatter_add");
    private static readonly Op s_indexCopy = new("aten::index_copy");
    private static readonly Op s_indexAdd = new("aten::index_add");
    private static readonly Op s_maskedFill = new("aten::masked_fill", "Scalar");
    private static readonly Op s_maskedSelect = new("aten::masked_select");
    private static readonly Op s_cat = new("aten::cat");
    private static readonly Op s_stack = new("aten::stack");
    private static readonly Op s_where = new("aten::where", "self");
    private static readonly Op s_split = new("aten::split", "Tensor");
    private static readonly Op s_unbind = new("aten::unbind", "int");
    private static readonly Op s_tril = new("aten::tril");
    private static readonly Op s_triu = new("aten::triu");
    private static readonly Op s_diagonal = new("aten::diagonal");
    private static readonly Op s_diagEmbed = new("aten::diag_embed");
    private static readonly Op s_flip = new("aten::flip");
    private static readonly Op s_roll = new("aten::roll");
    private static readonly Op s_nonzero = new("aten::nonzero");

    /// <summary>The same memory under another shape.</summary>
    /// <param name="shape">The sizes; one may be -1 and is worked out.</param>
    /// <returns>[shape].</returns>
    /// <exception cref="TorchException">The memory's order does not allow it; use <see cref="Reshape"/>.</exception>
    public Tensor View(params ReadOnlySpan<long> shape) => s_view.Call(this, shape.ToArray());

    /// <summary>The elements under another shape, copied only where needed.</summary>
    /// <param name="shape">The sizes; one may be -1 and is worked out.</param>
    /// <returns>[shape].</returns>
    public Tensor Reshape(params ReadOnlySpan<long> shape) => s_reshape.Call(this, shape.ToArray());

    /// <summary>Several neighbouring dimensions as one.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="last">The last of them.</param>
    /// <returns>The tensor with those dimensions merged.</returns>
    public Tensor Flatten(int first = 0, int last = -1) => s_flatten.Call(this, first, last);

    /// <summary>Two dimensions exchanged.</summary>
    /// <param name="first">One dimension.</param>
    /// <param name="second">The other.</param>
    /// <returns>A view.</returns>
    public Tensor Transpose(int first, int second) => s_transpose.Call(this, first, second);

    /// <summary>The dimensions in another order.</summary>
    /// <param name="order">For each new dimension the old one.</param>
    /// <returns>A view.</returns>
    public Tensor Permute(params ReadOnlySpan<long> order) => s_permute.Call(this, order.ToArray());

    /// <summary>Dimensions of size 1 repeated without copying.</summary>
    /// <param name="shape">The sizes; -1 keeps one.</param>
    /// <returns>A view of [shape].</returns>
    public Tensor Expand(params ReadOnlySpan<long> shape) => s_expand.Call(this, shape.ToArray());

    /// <summary>The tensor tiled.</summary>
    /// <param name="times">How often along each dimension.</param>
    /// <returns>A copy.</returns>
    public Tensor Repeat(params ReadOnlySpan<long> times) => s_repeat.Call(this, times.ToArray());

    /// <summary>Every slice along a dimension several times in a row.</summary>
    /// <param name="times">How often.</param>
    /// <param name="dim">The dimension.</param>
    /// <returns>A copy.</returns>
    public Tensor RepeatInterleave(long times, int dim) => s_repeatInterleave.Call(this, times, dim);

    /// <summary>A new dimension of size 1.</summary>
    /// <param name="dim">Where.</param>
    /// <returns>A view.</returns>
    public Tensor Unsqueeze(int dim) => s_unsqueeze.Call(this, dim);

    /// <summary>The tensor without a dimension of size 1; unchanged when that dimension is larger.</summary>
    /// <param name="dim">Which.</param>
    /// <returns>A view.</returns>
    public Tensor Squeeze(int dim) => s_squeeze.Call(this, dim);

    /// <summary>A range of slices along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="start">The first slice.</param>
    /// <param name="length">How many.</param>
    /// <returns>A view.</returns>
    public Tensor Narrow(int dim, long start, long length) => s_narrow.Call(this, dim, start, length);

    /// <summary>One slice along a dimension, which goes away.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">The slice; negative ones count from the end.</param>
    /// <returns>A view.</returns>
    public Tensor Select(int dim, long index) => s_select.Call(this, dim, index);

    /// <summary>Slices along a dimension by their indices.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[N], integers.</param>
    /// <returns>This shape with N along the dimension.</returns>
    public Tensor IndexSelect(int dim, Tensor index) => s_indexSelect.Call(this, dim, index);

    /// <summary>The elements that tensors of indices or truth values select.</summary>
    /// <param name="indices">One for each leading dimension; null for all of it.</param>
    /// <returns>[selected].</returns>
    public Tensor Index(params IReadOnlyList<Tensor?> indices) => s_index.Call(this, Arg.OptionalTensors(indices));

    /// <summary>result[i][j] = this[index[i][j]][j] along dimension 0, and so for others.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[...], integers.</param>
    /// <returns>The index's shape.</returns>
    public Tensor Gather(int dim, Tensor index) => s_gather.Call(this, dim, index);

    /// <summary>A copy to which source[i][j] was added at index[i][j] along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[...], integers.</param>
    /// <param name="source">[...], at least as large as the index.</param>
    /// <returns>This shape.</returns>
    public Tensor ScatterAdd(int dim, Tensor index, Tensor source) => s_scatterAdd.Call(this, dim, index, source);

    /// <summary>A copy in which slices along a dimension are replaced.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[N], which slices.</param>
    /// <param name="source">This shape with N along the dimension.</param>
    /// <returns>This shape.</returns>
    public Tensor IndexCopy(int dim, Tensor index, Tensor source) => s_indexCopy.Call(this, dim, index, source);

    /// <summary>A copy to whose slices along a dimension others are added.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[N], which slices.</param>
    /// <param name="source">This shape with N along the dimension.</param>
    /// <returns>This shape.</returns>
    public Tensor IndexAdd(int dim, Tensor index, Tensor source) => s_indexAdd.Call(this, dim, index, source);

    /// <summary>A copy with one value where a mask holds.</summary>
    /// <param name="mask">[...], truth values, broadcastable.</param>
    /// <param name="value">The value.</param>
    /// <returns>This shape.</returns>
    public Tensor MaskedFill(Tensor mask, double value) => s_maskedFill.Call(this, mask, value);

    /// <summary>The elements where a mask holds, in one row.</summary>
    /// <param name="mask">[...], truth values, broadcastable.</param>
    /// <returns>[selected].</returns>
    public Tensor MaskedSelect(Tensor mask) => s_maskedSelect.Call(this, mask);

    /// <summary>Tensors joined along a dimension that they have.</summary>
    /// <param name="tensors">At least one; equal shapes but for that dimension.</param>
    /// <param name="dim">The dimension.</param>
    /// <returns>The joined tensor.</returns>
    public static Tensor Cat(IReadOnlyList<Tensor> tensors, int dim = 0) => s_cat.Call(Arg.Tensors(tensors), dim);

    /// <summary>Tensors joined along a new dimension.</summary>
    /// <param name="tensors">At least one; equal shapes.</param>
    /// <param name="dim">Where the new dimension goes.</param>
    /// <returns>The joined tensor.</returns>
    public static Tensor Stack(IReadOnlyList<Tensor> tensors, int dim = 0) => s_stack.Call(Arg.Tensors(tensors), dim);

    /// <summary>Elements of one tensor where a condition holds, else of the other, with broadcasting.</summary>
    /// <param name="condition">[...], truth values.</param>
    /// <param name="whenTrue">[...].</param>
    /// <param name="whenFalse">[...].</param>
    /// <returns>[broadcast].</returns>
    public static Tensor Where(Tensor condition, Tensor whenTrue, Tensor whenFalse) => s_where.Call(condition, whenTrue, whenFalse);

    /// <summary>Views of equal size along a dimension; the last may be smaller.</summary>
    /// <param name="size">The size of each.</param>
    /// <param name="dim">The dimension.</param>
    /// <returns>The views in order.</returns>
    public Tensor[] Split(long size, int dim = 0) => s_split.CallMany(this, size, dim)!;

    /// <summary>The slices along a dimension, which goes away.</summary>
    /// <param name="dim">The dimension.</param>
    /// <returns>The views in order.</returns>
    public Tensor[] Unbind(int dim = 0) => s_unbind.CallMany(this, dim)!;

    /// <summary>The lower triangle of matrices, zeros above.</summary>
    /// <param name="diagonal">The highest diagonal that is kept; 0 is the main one.</param>
    /// <returns>[..., M, N].</returns>
    public Tensor LowerTriangle(int diagonal = 0) => s_tril.Call(this, diagonal);

    /// <summary>The upper triangle of matrices, zeros below.</summary>
    /// <param name="diagonal">The lowest diagonal that is kept; 0 is the main one.</param>
    /// <returns>[..., M, N].</returns>
    public Tensor UpperTriangle(int diagonal = 0) => s_triu.Call(this, diagonal);

    /// <summary>The diagonal of the matrices in the last two dimensions.</summary>
    /// <param name="offset">0 for the main one, above it when positive.</param>
    /// <returns>[..., min(M, N)], a view.</returns>
    public Tensor Diagonal(int offset = 0) => s_diagonal.Call(this, offset, -2, -1);

    /// <summary>Matrices with the last dimension on their diagonal.</summary>
    /// <returns>[..., N, N].</returns>
    public Tensor DiagonalMatrix() => s_diagEmbed.Call(this);

    /// <summary>The slices along dimensions in reverse.</summary>
    /// <param name="dims">The dimensions.</param>
    /// <returns>A copy.</returns>
    public Tensor Flip(params ReadOnlySpan<long> dims) => s_flip.Call(this, dims.ToArray());

    /// <summary>The slices along a dimension shifted, those that fall off coming in again.</summary>
    /// <param name="shift">By how many.</param>
    /// <param name="dim">The dimension.</param>
    /// <returns>A copy.</returns>
    public Tensor Roll(long shift, int dim) => s_roll.Call(this, new[] { shift }, new[] { (long)dim });

    /// <summary>The indices of the elements that are not zero.</summary>
    /// <returns>[found, rank], integers.</returns>
    public Tensor NonZero() => s_nonzero.Call(this);
}
