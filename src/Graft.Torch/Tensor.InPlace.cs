namespace Graft.Torch;

/// <content>Arithmetic in place; each gives this tensor back.</content>
public sealed partial class Tensor
{
    private static readonly Op s_addInPlace = new("aten::add_", "Tensor");
    private static readonly Op s_addNumberInPlace = new("aten::add_", "Scalar");
    private static readonly Op s_subInPlace = new("aten::sub_", "Tensor");
    private static readonly Op s_mulInPlace = new("aten::mul_", "Tensor");
    private static readonly Op s_mulNumberInPlace = new("aten::mul_", "Scalar");
    private static readonly Op s_divInPlace = new("aten::div_", "Tensor");
    private static readonly Op s_clampInPlace = new("aten::clamp_");
    private static readonly Op s_maskedFillInPlace = new("aten::masked_fill_", "Scalar");
    private static readonly Op s_indexCopyInPlace = new("aten::index_copy_");
    private static readonly Op s_indexAddInPlace = new("aten::index_add_");
    private static readonly Op s_indexPutInPlace = new("aten::index_put_");
    private static readonly Op s_scatterInPlace = new("aten::scatter_", "src");
    private static readonly Op s_scatterValueInPlace = new("aten::scatter_", "value");
    private static readonly Op s_addcmulInPlace = new("aten::addcmul_");

    /// <summary>Adds scale x other.</summary>
    /// <param name="other">[...], broadcastable to this shape.</param>
    /// <param name="scale">The factor.</param>
    /// <returns>This tensor.</returns>
    public Tensor Add_(Tensor other, double scale = 1) => Done(s_addInPlace, [this, other, scale]);

    /// <summary>Adds a number to every element.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This tensor.</returns>
    public Tensor Add_(double value) => Done(s_addNumberInPlace, [this, value]);

    /// <summary>Subtracts another tensor.</summary>
    /// <param name="other">[...], broadcastable to this shape.</param>
    /// <returns>This tensor.</returns>
    public Tensor Sub_(Tensor other) => Done(s_subInPlace, [this, other]);

    /// <summary>Multiplies element by element.</summary>
    /// <param name="other">[...], broadcastable to this shape.</param>
    /// <returns>This tensor.</returns>
    public Tensor Mul_(Tensor other) => Done(s_mulInPlace, [this, other]);

    /// <summary>Multiplies every element by a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This tensor.</returns>
    public Tensor Mul_(double value) => Done(s_mulNumberInPlace, [this, value]);

    /// <summary>Divides element by element.</summary>
    /// <param name="other">[...], broadcastable to this shape.</param>
    /// <returns>This tensor.</returns>
    public Tensor Div_(Tensor other) => Done(s_divInPlace, [this, other]);

    /// <summary>Moves every element into [low, high].</summary>
    /// <param name="low">The lower bound; null for none.</param>
    /// <param name="high">The upper bound; null for none.</param>
    /// <returns>This tensor.</returns>
    public Tensor Clamp_(double? low = null, double? high = null) =>
        Done(s_clampInPlace, [this, low is { } a ? a : Arg.None, high is { } b ? b : Arg.None]);

    /// <summary>Sets the elements where a mask holds.</summary>
    /// <param name="mask">[...], truth values, broadcastable to this shape.</param>
    /// <param name="value">The value.</param>
    /// <returns>This tensor.</returns>
    public Tensor MaskedFill_(Tensor mask, double value) => Done(s_maskedFillInPlace, [this, mask, value]);

    /// <summary>Overwrites slices along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[N], which slices.</param>
    /// <param name="source">This shape with N along the dimension.</param>
    /// <returns>This tensor.</returns>
    public Tensor IndexCopy_(int dim, Tensor index, Tensor source) => Done(s_indexCopyInPlace, [this, dim, index, source]);

    /// <summary>Adds slices along a dimension; repeated indices add up.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[N], which slices.</param>
    /// <param name="source">This shape with N along the dimension.</param>
    /// <returns>This tensor.</returns>
    public Tensor IndexAdd_(int dim, Tensor index, Tensor source) => Done(s_indexAddInPlace, [this, dim, index, source]);

    /// <summary>Overwrites the elements that indices select.</summary>
    /// <param name="indices">One tensor of indices, or null for all, for each leading dimension.</param>
    /// <param name="values">[selected], broadcastable.</param>
    /// <param name="accumulate">Whether to add, not overwrite.</param>
    /// <returns>This tensor.</returns>
    public Tensor IndexPut_(IReadOnlyList<Tensor?> indices, Tensor values, bool accumulate = false) =>
        Done(s_indexPutInPlace, [this, Arg.OptionalTensors(indices), values, accumulate]);

    /// <summary>Writes this[index[i][j]][j] = source[i][j] along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[...], integers.</param>
    /// <param name="source">[...], at least as large as the index.</param>
    /// <returns>This tensor.</returns>
    public Tensor Scatter_(int dim, Tensor index, Tensor source) => Done(s_scatterInPlace, [this, dim, index, source]);

    /// <summary>Writes one value at index positions along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="index">[...], integers.</param>
    /// <param name="value">The value.</param>
    /// <returns>This tensor.</returns>
    public Tensor Scatter_(int dim, Tensor index, double value) => Done(s_scatterValueInPlace, [this, dim, index, value]);

    /// <summary>Adds scale x left x right.</summary>
    /// <param name="left">[...], broadcastable to this shape.</param>
    /// <param name="right">[...], broadcastable to this shape.</param>
    /// <param name="scale">The factor.</param>
    /// <returns>This tensor.</returns>
    public Tensor AddProduct_(Tensor left, Tensor right, double scale = 1) => Done(s_addcmulInPlace, [this, left, right, scale]);

    private Tensor Done(Op op, ReadOnlySpan<Arg> arguments)
    {
        op.Run(arguments);
        return this;
    }
}
