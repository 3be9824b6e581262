using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>The keys and values of an attention sublayer, where virtual tokens may be put in front.</summary>
/// <param name="path">The checkpoint path of the attention module.</param>
/// <param name="width">The model's width W.</param>
/// <param name="heads">The number of heads H.</param>
/// <param name="headSize">The width of a head D; H·D need not be W.</param>
/// <param name="sublayer">Self- or cross-attention.</param>
/// <param name="stack">The stack it belongs to.</param>
/// <param name="layer">The block's number from 0.</param>
public sealed class KeyValueSite(string path, int width, int heads, int headSize, SiteRole sublayer, StackKind stack, int layer)
    : Site(path, sublayer, sublayer, stack, layer)
{
    /// <summary>The model's width W.</summary>
    public int Width { get; } = width;

    /// <summary>The number of heads H.</summary>
    public int Heads { get; } = heads;

    /// <summary>The width of a head D.</summary>
    public int HeadSize { get; } = headSize;

    /// <summary>
    /// Keys, values and mask with the virtual tokens of the pass in front. Rows whose adapter brings fewer virtual tokens than another
    /// row's get masked ones, so that the answer of a row does not depend on its neighbours.
    /// </summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="hidden">[B, Q, W], or [1, N, W] where the pass is packed; floating: what queries are made of.</param>
    /// <param name="keys">[B, H, T, D], floating.</param>
    /// <param name="values">[B, H, T, D], floating.</param>
    /// <param name="bias">
    /// [1 or B, 1 or H, 1 or Q, T], floating: what is added to the scores, of masks and of relative positions; null for nothing. Virtual tokens
    /// have no position, so theirs is 0.
    /// </param>
    /// <returns>[B, H, P + T, D] twice, and [1 or B, 1 or H, 1 or Q, P + T] or null.</returns>
    internal (Tensor Keys, Tensor Values, Tensor? Bias) Apply(
        AdapterPass? pass, Tensor hidden, Tensor keys, Tensor values, Tensor? bias)
    {
        if (pass is null || !pass.Touches(this))
        {
            return (keys, values, bias);
        }

        var prefixes = new KeyValuePrefix?[pass.Groups.Count];
        var length = 0L;
        for (var g = 0; g < prefixes.Length; g++)
        {
            prefixes[g] = Joined(pass.Groups[g], hidden);
            length = Math.Max(length, prefixes[g]?.Keys.Size(2) ?? 0);
        }

        var prefixKeys = new Tensor[prefixes.Length];
        var prefixValues = new Tensor[prefixes.Length];
        var masks = new Tensor[prefixes.Length];
        var masked = false;
        for (var g = 0; g < prefixes.Length; g++)
        {
            var rows = pass.Groups[g].Count;
            var own = prefixes[g]?.Keys.Size(2) ?? 0;
            prefixKeys[g] = Pad(prefixes[g]?.Keys, rows, length, keys);
            prefixValues[g] = Pad(prefixes[g]?.Values, rows, length, keys);
            masks[g] = MaskOf(prefixes[g], rows, own, length, keys);
            masked |= own < length || prefixes[g]?.Mask is not null;
        }

        var newKeys = Tensor.Cat([Tensor.Cat(prefixKeys, 0), keys], 2);
        var newValues = Tensor.Cat([Tensor.Cat(prefixValues, 0), values], 2);
        if (!masked && bias is null)
        {
            return (newKeys, newValues, null);
        }

        var text = bias ?? Tensor.Zeros([1, 1, 1, keys.Size(2)], keys.DType, keys.Device);
        if (!masked)
        {
            var nothing = Tensor.Zeros([1, 1, 1, length], keys.DType, keys.Device);
            return (newKeys, newValues, Tensor.Cat([nothing.Expand(text.Size(0), text.Size(1), text.Size(2), -1), text], 3));
        }

        var prefixBias = AttentionBias.FromMask(Tensor.Cat(masks, 0), keys.DType);
        return (newKeys, newValues, Tensor.Cat([prefixBias.Expand(-1, text.Size(1), text.Size(2), -1), text.Expand(keys.Size(0), -1, -1, -1)], 3));
    }

    private KeyValuePrefix? Joined(RowGroup rows, Tensor hidden)
    {
        KeyValuePrefix? joined = null;
        foreach (var part in rows.At(this))
        {
            var next = ((KeyValuePart)part).Prefix(rows, rows.Slice(hidden));
            joined = joined is not { } first
                ? next
                : new KeyValuePrefix(
                    Tensor.Cat([first.Keys, next.Keys], 2),
                    Tensor.Cat([first.Values, next.Values], 2),
                    first.Mask is null && next.Mask is null ? null : Tensor.Cat([Ones(first), Ones(next)], 1));
        }

        return joined;

        static Tensor Ones(KeyValuePrefix p) =>
            p.Mask ?? Tensor.Ones([p.Keys.Size(0), p.Keys.Size(2)], p.Keys.DType, p.Keys.Device);
    }

    private Tensor Pad(Tensor? prefix, int rows, long length, Tensor like)
    {
        var own = prefix?.Size(2) ?? 0;
        if (own == length)
        {
            return prefix!;
        }

        var padding = Tensor.Zeros([rows, Heads, length - own, HeadSize], like.DType, like.Device);
        return prefix is null ? padding : Tensor.Cat([prefix, padding], 2);
    }

    private static Tensor MaskOf(KeyValuePrefix? prefix, int rows, long own, long length, Tensor like)
    {
        var mask = prefix?.Mask ?? Tensor.Ones([rows, own], like.DType, like.Device);
        return own == length ? mask : Tensor.Cat([mask, Tensor.Zeros([rows, length - own], like.DType, like.Device)], 1);
    }
}
