using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>What kind of parameter a <see cref="ParameterSite"/> is.</summary>
public enum ParameterKind
{
    /// <summary>An embedding table, [rows, W]; that of relative positions is [buckets, H].</summary>
    Embedding,

    /// <summary>The weight of a linear map, [Out, In].</summary>
    Weight,

    /// <summary>The bias of a linear map, [Out].</summary>
    Bias,

    /// <summary>The gain of a norm, [W].</summary>
    NormGain,

    /// <summary>The bias of a norm, [W].</summary>
    NormBias,
}

/// <summary>A parameter of the backbone that a method may replace, or a bias that it lacks and a method may add.</summary>
/// <param name="path">The checkpoint key of the parameter.</param>
/// <param name="kind">What it is.</param>
/// <param name="shape">Its shape.</param>
/// <param name="parameter">The backbone's parameter, or null for a bias that the architecture lacks.</param>
/// <param name="sublayer">The sublayer it lies in.</param>
/// <param name="stack">The stack it belongs to.</param>
/// <param name="layer">The block's number from 0, or -1.</param>
public sealed class ParameterSite(
    string path, ParameterKind kind, IReadOnlyList<long> shape, Parameter? parameter,
    SiteRole sublayer = SiteRole.None, StackKind stack = StackKind.Encoder, int layer = -1)
    : Site(path, SiteRole.None, sublayer, stack, layer)
{
    /// <summary>What kind of parameter it is.</summary>
    public ParameterKind Kind { get; } = kind;

    /// <summary>The parameter's shape.</summary>
    public IReadOnlyList<long> Shape { get; } = shape;

    /// <summary>The backbone's parameter, or null where it has none.</summary>
    public Parameter? Parameter { get; } = parameter;

    /// <summary>
    /// Applies an operator that uses backbone parameters: once for the whole batch when nobody replaces them, otherwise per group
    /// with the values its rows use.
    /// </summary>
    /// <param name="pass">The pass, or null for the plain backbone.</param>
    /// <param name="x">[B, ...]: the operator's input.</param>
    /// <param name="first">A parameter the operator uses.</param>
    /// <param name="second">Another one, or null.</param>
    /// <param name="operation">The operator of the input and the two values.</param>
    internal static Tensor Apply(
        AdapterPass? pass, Tensor x, ParameterSite first, ParameterSite? second, Func<Tensor, Tensor, Tensor?, Tensor> operation)
    {
        if (pass is null || (!pass.Touches(first) && (second is null || !pass.Touches(second))))
        {
            return operation(x, first.Parameter!, second?.Parameter?.Value);
        }

        return pass.PerGroup(x, (rows, slice) =>
            operation(slice, rows.Resolve(first)!, second is null ? null : rows.Resolve(second)));
    }

    /// <summary>The rows of this table at the ids, with whatever the pass puts in the table's place.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="ids">[B, ...], int64; or [1, ...] where every row of the batch has the same ids.</param>
    /// <returns>[B, ..., W]; [1, ..., W] where the ids are one row and nobody replaces the table.</returns>
    internal Tensor Lookup(AdapterPass? pass, Tensor ids)
    {
        if (pass is null || !pass.Touches(this))
        {
            return F.Embedding(Parameter!, ids);
        }

        // Ids may be one row for the whole batch; groups need rows of their own.
        long[] shape = [pass.Groups[^1].Start + pass.Groups[^1].Count, .. Enumerable.Repeat(-1L, ids.Rank - 1)];
        return Apply(pass, ids.Expand(shape), this, null, (x, weight, _) => F.Embedding(weight, x));
    }
}
