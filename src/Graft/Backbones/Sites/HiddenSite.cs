using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>A sublayer of the backbone: what happens before it, parallel to it, and after it. Its states are [B, T, W], or [1, N, W] where the pass is packed.</summary>
/// <param name="path">The checkpoint path of the sublayer.</param>
/// <param name="width">The model's width W.</param>
/// <param name="sublayer">Which sublayer it is.</param>
/// <param name="stack">The stack it belongs to.</param>
/// <param name="layer">The block's number from 0.</param>
public sealed class HiddenSite(string path, int width, SiteRole sublayer, StackKind stack, int layer)
    : Site(path, sublayer, sublayer, stack, layer)
{
    /// <summary>The model's width W.</summary>
    public int Width { get; } = width;

    /// <summary>The sublayer's input with whatever the pass puts before it.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="input">[B, T, W], floating.</param>
    internal Tensor Before(AdapterPass? pass, Tensor input) =>
        Each(pass, HiddenHooks.Before, input, (part, rows, value) => part.Before(rows, value));

    /// <summary>The sublayer's output before its dropout, with whatever the pass puts there.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="output">[B, T, W], floating.</param>
    internal Tensor Inner(AdapterPass? pass, Tensor output) =>
        Each(pass, HiddenHooks.Inner, output, (part, rows, value) => part.Inner(rows, value));

    /// <summary>The sublayer's output with whatever the pass puts parallel to it and after it, before the residual is added.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="input">[B, T, W], floating: the sublayer's input.</param>
    /// <param name="output">[B, T, W], floating: its output.</param>
    /// <param name="residual">[B, T, W], floating: what is added next.</param>
    /// <param name="norm">The norm after the addition, or null for pre-norm backbones.</param>
    internal Tensor After(AdapterPass? pass, Tensor input, Tensor output, Tensor residual, SublayerNorm? norm)
    {
        if (pass is null || !pass.Touches(this))
        {
            return output;
        }

        return pass.PerGroup(output, (rows, slice) =>
        {
            foreach (var part in rows.At(this))
            {
                if (((HiddenPart)part).Parallel(rows, rows.Slice(input)) is { } branch)
                {
                    slice += branch;
                }
            }

            foreach (var part in rows.At(this))
            {
                slice = ((HiddenPart)part).After(rows, slice, rows.Slice(residual), norm);
            }

            return slice;
        });
    }

    /// <summary>
    /// The state after a sublayer, <c>LN(a + x)</c> of a post-norm backbone and <c>a + x</c> of a pre-norm one, unless a part ends the sublayer itself.
    /// </summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="output">[B, T, W], floating: the sublayer's output a, adapted.</param>
    /// <param name="residual">[B, T, W], floating: x.</param>
    /// <param name="norm">The norm after the addition, or null for pre-norm backbones.</param>
    internal Tensor End(AdapterPass? pass, Tensor output, Tensor residual, LayerNorm? norm)
    {
        if (pass is null || !pass.Groups.Any(Ended))
        {
            var sum = output + residual;
            return norm is null ? sum : norm.Apply(pass, sum);
        }

        return pass.PerGroup(output, (rows, slice) =>
        {
            var sum = Ended(rows) ? slice : slice + rows.Slice(residual);
            return norm is null || Ended(rows) ? sum : norm.Apply(rows, sum);
        });

        bool Ended(RowGroup rows) => rows.At(this) is [.., HiddenPart { EndsSublayer: true }];
    }

    private Tensor Each(AdapterPass? pass, HiddenHooks hook, Tensor value, Func<HiddenPart, RowGroup, Tensor, Tensor> map)
    {
        if (pass is null || !pass.Groups.Any(Acts))
        {
            return value;
        }

        return pass.PerGroup(value, (rows, slice) =>
        {
            foreach (var part in rows.At(this))
            {
                slice = map((HiddenPart)part, rows, slice);
            }

            return slice;
        });

        bool Acts(RowGroup rows)
        {
            foreach (var part in rows.At(this))
            {
                if ((((HiddenPart)part).Hooks & hook) != 0)
                {
                    return true;
                }
            }

            return false;
        }
    }
}
