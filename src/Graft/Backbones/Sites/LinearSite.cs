using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>A linear map <c>y = x Wᵀ + b</c> of the backbone, with what adapters do to it.</summary>
/// <param name="path">The checkpoint path of the map's module.</param>
/// <param name="weight">The weight's site, [Out, In].</param>
/// <param name="bias">The bias's site, [Out]; its parameter is null where the architecture has no bias.</param>
/// <param name="role">The map's role.</param>
/// <param name="sublayer">The sublayer it lies in.</param>
/// <param name="stack">The stack it belongs to.</param>
/// <param name="layer">The block's number from 0.</param>
public sealed class LinearSite(
    string path, ParameterSite weight, ParameterSite bias, SiteRole role, SiteRole sublayer, StackKind stack, int layer)
    : Site(path, role, sublayer, stack, layer)
{
    /// <summary>The weight's site, [Out, In].</summary>
    public ParameterSite Weight { get; } = weight;

    /// <summary>The bias's site, [Out].</summary>
    public ParameterSite Bias { get; } = bias;

    /// <summary>The width of the input.</summary>
    public int In { get; } = (int)weight.Shape[1];

    /// <summary>The width of the output.</summary>
    public int Out { get; } = (int)weight.Shape[0];

    /// <summary>Computes the map with whatever the pass puts at it.</summary>
    /// <param name="pass">The pass, or null for the plain map.</param>
    /// <param name="x">[B, T, In], or [1, N, In] where the pass is packed; floating.</param>
    /// <returns>[B, T, Out] or [1, N, Out].</returns>
    internal Tensor Apply(AdapterPass? pass, Tensor x)
    {
        if (pass is null)
        {
            return Plain(x);
        }

        var replaced = pass.Touches(Weight) || pass.Touches(Bias);
        if (!replaced && !pass.Touches(this))
        {
            return Plain(x);
        }

        // With several groups whose parts only add to or scale the output, the frozen product is computed once for all rows.
        if (!replaced && pass.Groups.Count > 1 && AllHooks(pass) is var hooks && (hooks & ~(LinearHooks.Delta | LinearHooks.Output)) == 0)
        {
            var y = Plain(x);
            return pass.PerGroup(y, (rows, slice) => Finish(rows, rows.Slice(x), slice));
        }

        return pass.PerGroup(x, ApplyRows);
    }

    private Tensor Plain(Tensor x) => F.Linear(x, Weight.Parameter!, Bias.Parameter?.Value);

    private Tensor ApplyRows(RowGroup rows, Tensor x)
    {
        var hooks = LinearHooks.None;
        foreach (var part in rows.At(this))
        {
            var linear = (LinearPart)part;
            hooks |= linear.Hooks;
            x = linear.Input(rows, x);
        }

        var weight = rows.Resolve(Weight)!;
        var bias = rows.Resolve(Bias);
        if ((hooks & LinearHooks.BeforeBias) == 0)
        {
            return Finish(rows, x, F.Linear(x, weight, bias));
        }

        var y = AddDeltas(rows, x, F.Linear(x, weight, null));
        foreach (var part in rows.At(this))
        {
            y = ((LinearPart)part).BeforeBias(rows, x, y);
        }

        return ScaleOutput(rows, x, bias is null ? y : y + bias);
    }

    private Tensor Finish(RowGroup rows, Tensor x, Tensor y) => ScaleOutput(rows, x, AddDeltas(rows, x, y));

    private Tensor AddDeltas(RowGroup rows, Tensor x, Tensor y)
    {
        foreach (var part in rows.At(this))
        {
            if (((LinearPart)part).Delta(rows, x) is { } delta)
            {
                y += delta;
            }
        }

        return y;
    }

    private Tensor ScaleOutput(RowGroup rows, Tensor x, Tensor y)
    {
        foreach (var part in rows.At(this))
        {
            y = ((LinearPart)part).Output(rows, x, y);
        }

        return y;
    }

    private LinearHooks AllHooks(AdapterPass pass)
    {
        var hooks = LinearHooks.None;
        foreach (var group in pass.Groups)
        {
            foreach (var part in group.At(this))
            {
                hooks |= ((LinearPart)part).Hooks;
            }
        }

        return hooks;
    }
}
