namespace Graft.Torch;

/// <content>Sums, extremes, orders and comparisons.</content>
public sealed partial class Tensor
{
    private static readonly Op s_sum = new("aten::sum");
    private static readonly Op s_sumDim = new("aten::sum", "dim_IntList");
    private static readonly Op s_mean = new("aten::mean");
    private static readonly Op s_meanDim = new("aten::mean", "dim");
    private static readonly Op s_var = new("aten::var", "correction");
    private static readonly Op s_prod = new("aten::prod", "dim_int");
    private static readonly Op s_max = new("aten::max");
    private static readonly Op s_maxDim = new("aten::max", "dim");
    private static readonly Op s_min = new("aten::min");
    private static readonly Op s_minDim = new("aten::min", "dim");
    private static readonly Op s_argmax = new("aten::argmax");
    private static readonly Op s_argmin = new("aten::argmin");
    private static readonly Op s_all = new("aten::all");
    private static readonly Op s_any = new("aten::any");
    private static readonly Op s_softmax = new("aten::softmax", "int");
    private static readonly Op s_logSoftmax = new("aten::log_softmax", "int");
    private static readonly Op s_logSumExp = new("aten::logsumexp");
    private static readonly Op s_norm = new("aten::linalg_vector_norm");
    private static readonly Op s_cumsum = new("aten::cumsum");
    private static readonly Op s_topk = new("aten::topk");
    private static readonly Op s_sort = new("aten::sort", "stable");
    private static readonly Op s_argsort = new("aten::argsort", "stable");
    private static readonly Op s_eq = new("aten::eq", "Tensor");
    private static readonly Op s_eqNumber = new("aten::eq", "Scalar");
    private static readonly Op s_ne = new("aten::ne", "Tensor");
    private static readonly Op s_neNumber = new("aten::ne", "Scalar");
    private static readonly Op s_gt = new("aten::gt", "Tensor");
    private static readonly Op s_gtNumber = new("aten::gt", "Scalar");
    private static readonly Op s_ge = new("aten::ge", "Tensor");
    private static readonly Op s_geNumber = new("aten::ge", "Scalar");
    private static readonly Op s_lt = new("aten::lt", "Tensor");
    private static readonly Op s_ltNumber = new("aten::lt", "Scalar");
    private static readonly Op s_le = new("aten::le", "Tensor");
    private static readonly Op s_leNumber = new("aten::le", "Scalar");
    private static readonly Op s_bitAnd = new("aten::bitwise_and", "Tensor");
    private static readonly Op s_and = new("aten::logical_and");
    private static readonly Op s_or = new("aten::logical_or");
    private static readonly Op s_not = new("aten::logical_not");

    /// <summary>The sum of all elements.</summary>
    /// <returns>[].</returns>
    public Tensor Sum() => s_sum.Call(this);

    /// <summary>The sum along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension.</returns>
    public Tensor Sum(int dim, bool keep = false) => s_sumDim.Call(this, new[] { (long)dim }, keep);

    /// <summary>The sum along several dimensions.</summary>
    /// <param name="dims">The dimensions.</param>
    /// <param name="keep">Whether they stay, with size 1.</param>
    /// <returns>This shape without the dimensions.</returns>
    public Tensor Sum(ReadOnlySpan<long> dims, bool keep = false) => s_sumDim.Call(this, dims.ToArray(), keep);

    /// <summary>The mean of all elements.</summary>
    /// <returns>[].</returns>
    public Tensor Mean() => s_mean.Call(this);

    /// <summary>The mean along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension.</returns>
    public Tensor Mean(int dim, bool keep = false) => s_meanDim.Call(this, new[] { (long)dim }, keep);

    /// <summary>The variance along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="correction">What is subtracted from the count: 1 for a sample's, 0 for a population's.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension.</returns>
    public Tensor Variance(int dim, int correction = 1, bool keep = false) => s_var.Call(this, new[] { (long)dim }, correction, keep);

    /// <summary>The product along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension.</returns>
    public Tensor Product(int dim, bool keep = false) => s_prod.Call(this, dim, keep);

    /// <summary>The largest element.</summary>
    /// <returns>[].</returns>
    public Tensor Max() => s_max.Call(this);

    /// <summary>The largest elements along a dimension, and where they are.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension; indices are integers.</returns>
    public (Tensor Values, Tensor Indices) Max(int dim, bool keep = false) => Pair(s_maxDim.CallMany(this, dim, keep));

    /// <summary>The smallest element.</summary>
    /// <returns>[].</returns>
    public Tensor Min() => s_min.Call(this);

    /// <summary>The smallest elements along a dimension, and where they are.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension; indices are integers.</returns>
    public (Tensor Values, Tensor Indices) Min(int dim, bool keep = false) => Pair(s_minDim.CallMany(this, dim, keep));

    /// <summary>Where the largest elements along a dimension are.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension, integers.</returns>
    public Tensor ArgMax(int dim, bool keep = false) => s_argmax.Call(this, dim, keep);

    /// <summary>Where the smallest elements along a dimension are.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension, integers.</returns>
    public Tensor ArgMin(int dim, bool keep = false) => s_argmin.Call(this, dim, keep);

    /// <summary>Whether all elements are true or not zero.</summary>
    /// <returns>[], a truth value.</returns>
    public Tensor All() => s_all.Call(this);

    /// <summary>Whether any element is true or not zero.</summary>
    /// <returns>[], a truth value.</returns>
    public Tensor Any() => s_any.Call(this);

    /// <summary>exp(x) over its sum along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <returns>This shape, rows that sum to 1.</returns>
    public Tensor Softmax(int dim) => s_softmax.Call(this, dim);

    /// <summary>The logarithm of the softmax, stable.</summary>
    /// <param name="dim">The dimension.</param>
    /// <returns>This shape.</returns>
    public Tensor LogSoftmax(int dim) => s_logSoftmax.Call(this, dim);

    /// <summary>log(sum(exp(x))) along a dimension, stable.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension.</returns>
    public Tensor LogSumExp(int dim, bool keep = false) => s_logSumExp.Call(this, new[] { (long)dim }, keep);

    /// <summary>The Euclidean norm of all elements.</summary>
    /// <returns>[].</returns>
    public Tensor Norm() => s_norm.Call(this);

    /// <summary>The Euclidean norm along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="keep">Whether the dimension stays, with size 1.</param>
    /// <returns>This shape without the dimension.</returns>
    public Tensor Norm(int dim, bool keep = false) => s_norm.Call(this, 2.0, new[] { (long)dim }, keep);

    /// <summary>The Euclidean norm along a dimension, computed and returned in a type, without a converted copy of this tensor.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="dtype">A floating type, no narrower than this tensor's.</param>
    /// <returns>This shape without the dimension.</returns>
    public Tensor Norm(int dim, DType dtype) => s_norm.Call(this, 2.0, new[] { (long)dim }, false, dtype);

    /// <summary>The running sum along a dimension.</summary>
    /// <param name="dim">The dimension.</param>
    /// <returns>This shape.</returns>
    public Tensor CumulativeSum(int dim) => s_cumsum.Call(this, dim);

    /// <summary>The k largest elements along a dimension, in falling order, and where they are.</summary>
    /// <param name="k">How many.</param>
    /// <param name="dim">The dimension.</param>
    /// <param name="largest">False for the smallest.</param>
    /// <param name="sorted">False for any order, which is quicker for many.</param>
    /// <returns>This shape with k along the dimension; indices are integers.</returns>
    public (Tensor Values, Tensor Indices) TopK(long k, int dim = -1, bool largest = true, bool sorted = true) =>
        Pair(s_topk.CallMany(this, k, dim, largest, sorted));

    /// <summary>The elements along a dimension in order, and where they were; equal elements keep their order.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="descending">Whether the largest comes first.</param>
    /// <returns>This shape; indices are integers.</returns>
    public (Tensor Values, Tensor Indices) Sort(int dim = -1, bool descending = false) => Pair(s_sort.CallMany(this, true, dim, descending));

    /// <summary>The order that sorts the elements along a dimension; equal elements keep their order.</summary>
    /// <param name="dim">The dimension.</param>
    /// <param name="descending">Whether the largest comes first.</param>
    /// <returns>This shape, integers.</returns>
    public Tensor ArgSort(int dim = -1, bool descending = false) => s_argsort.Call(this, true, dim, descending);

    /// <summary>Whether elements are equal, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor Eq(Tensor other) => s_eq.Call(this, other);

    /// <summary>Whether elements equal a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This shape, truth values.</returns>
    public Tensor Eq(double value) => s_eqNumber.Call(this, value);

    /// <summary>Whether elements differ, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor Ne(Tensor other) => s_ne.Call(this, other);

    /// <summary>Whether elements differ from a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This shape, truth values.</returns>
    public Tensor Ne(double value) => s_neNumber.Call(this, value);

    /// <summary>Whether elements are greater, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor Gt(Tensor other) => s_gt.Call(this, other);

    /// <summary>Whether elements are greater than a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This shape, truth values.</returns>
    public Tensor Gt(double value) => s_gtNumber.Call(this, value);

    /// <summary>Whether elements are greater or equal, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor Ge(Tensor other) => s_ge.Call(this, other);

    /// <summary>Whether elements are at least a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This shape, truth values.</returns>
    public Tensor Ge(double value) => s_geNumber.Call(this, value);

    /// <summary>Whether elements are smaller, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor Lt(Tensor other) => s_lt.Call(this, other);

    /// <summary>Whether elements are smaller than a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This shape, truth values.</returns>
    public Tensor Lt(double value) => s_ltNumber.Call(this, value);

    /// <summary>Whether elements are smaller or equal, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor Le(Tensor other) => s_le.Call(this, other);

    /// <summary>Whether elements are at most a number.</summary>
    /// <param name="value">The number.</param>
    /// <returns>This shape, truth values.</returns>
    public Tensor Le(double value) => s_leNumber.Call(this, value);

    /// <summary>The bits that are set in both, with broadcasting.</summary>
    /// <param name="other">[...], integers of the same type, broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public Tensor BitAnd(Tensor other) => s_bitAnd.Call(this, other);

    /// <summary>Whether both hold, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor And(Tensor other) => s_and.Call(this, other);

    /// <summary>Whether at least one holds, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast], truth values.</returns>
    public Tensor Or(Tensor other) => s_or.Call(this, other);

    /// <summary>Whether it does not hold.</summary>
    /// <returns>This shape, truth values.</returns>
    public Tensor Not() => s_not.Call(this);

    private static (Tensor First, Tensor Second) Pair(Tensor?[] results) => (results[0]!, results[1]!);
}
