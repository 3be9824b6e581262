using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>A sublayer of the backbone: what happens before it, parallel to it, and after it.</summary>
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
    internal Tensor Before(AdapterPass? pass, Tensor input)
    {
        if (pass is null || !pass.Touches(this))
        {
            return input;
        }

        return pass.PerGroup(input, (rows, slice) =>
        {
            foreach (var part in rows.At(this))
            {
                slice = ((HiddenPart)part).Before(rows, slice);
            }

            return slice;
        });
    }

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

    /// <summary>The state after a sublayer of a post-norm backbone, <c>LN(a + x)</c>, unless a part ends the sublayer itself.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="output">[B, T, W], floating: the sublayer's output a, adapted.</param>
    /// <param name="residual">[B, T, W], floating: x.</param>
    /// <param name="norm">The norm after the addition.</param>
    internal Tensor End(AdapterPass? pass, Tensor output, Tensor residual, LayerNorm norm)
    {
        if (pass is null || !pass.Groups.Any(Ended))
        {
            return norm.Apply(pass, output + residual);
        }

        return pass.PerGroup(output, (rows, slice) => Ended(rows) ? slice : norm.Apply(rows, slice + rows.Slice(residual)));

        bool Ended(RowGroup rows) => rows.At(this) is [.., HiddenPart { EndsSublayer: true }];
    }
}
