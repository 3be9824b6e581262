using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Compositions;

/// <summary>The mean of what adapters do at a linear map: of their inputs, of what they add, or of their outputs.</summary>
internal sealed class AverageLinear(LinearHooks hooks, IReadOnlyList<Share> shares) : LinearPart
{
    public override LinearHooks Hooks => hooks;

    public override Tensor Input(RowGroup rows, Tensor x) => hooks == LinearHooks.Input
        ? shares.Mean(parts => parts.Aggregate(x, (value, part) => ((LinearPart)part).Input(rows, value)))!
        : x;

    public override Tensor? Delta(RowGroup rows, Tensor x) => shares.Mean(parts =>
    {
        Tensor? sum = null;
        foreach (var part in parts)
        {
            if (((LinearPart)part).Delta(rows, x) is { } delta)
            {
                sum = sum is null ? delta : sum + delta;
            }
        }

        return sum;
    });

    public override Tensor Output(RowGroup rows, Tensor x, Tensor y) => hooks == LinearHooks.Output
        ? shares.Mean(parts => parts.Aggregate(y, (value, part) => ((LinearPart)part).Output(rows, x, value)))!
        : y;
}

/// <summary>The mean of what adapters do beside or after a sublayer.</summary>
internal sealed class AverageHidden(HiddenHooks hooks, bool ends, IReadOnlyList<Share> shares) : HiddenPart
{
    public override HiddenHooks Hooks => hooks;

    public override bool EndsSublayer => ends;

    public override Tensor? Parallel(RowGroup rows, Tensor input) => shares.Mean(parts =>
    {
        Tensor? sum = null;
        foreach (var part in parts)
        {
            if (((HiddenPart)part).Parallel(rows, input) is { } branch)
            {
                sum = sum is null ? branch : sum + branch;
            }
        }

        return sum;
    });

    public override Tensor After(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm) => hooks == HiddenHooks.After
        ? shares.Mean(parts => parts.Aggregate(output, (value, part) => ((HiddenPart)part).After(rows, value, residual, norm)))!
        : output;
}

/// <summary>The mean of virtual keys and values of the same number.</summary>
internal sealed class AveragePrefix(string path, IReadOnlyList<Share> shares) : KeyValuePart
{
    public override KeyValuePrefix Prefix(RowGroup rows, Tensor hidden)
    {
        var prefixes = shares.Select(s => s.Parts.Select(p => ((KeyValuePart)p).Prefix(rows, hidden)).ToList()).ToList();
        if (prefixes.Exists(p => p.Exists(x => x.Mask is not null)))
        {
            throw new GraftException($"The adapters have no average at '{path}': some of their virtual tokens are masked.");
        }

        var (keys, values) = (prefixes.Select(p => Joined(p, x => x.Keys)).ToList(), prefixes.Select(p => Joined(p, x => x.Values)).ToList());
        shares.RequireSameShape(path, keys);
        return new KeyValuePrefix(shares.Mean(keys), shares.Mean(values));

        static Tensor Joined(List<KeyValuePrefix> prefixes, Func<KeyValuePrefix, Tensor> get) =>
            prefixes.Count == 1 ? get(prefixes[0]) : Tensor.Cat([.. prefixes.Select(get)], 2);
    }
}

/// <summary>The mean of prompts of the same length.</summary>
internal sealed class AveragePrompt(string path, bool asWords, bool afterFirst, IReadOnlyList<Share> shares) : EmbeddingPart
{
    public override bool AsWords => asWords;

    public override bool AfterFirst => afterFirst;

    public override Tensor Prompt(RowGroup rows, Tensor embedded)
    {
        var prompts = shares.Select(s => ((EmbeddingPart)s.Parts[0]).Prompt(rows, embedded)).ToList();
        shares.RequireSameShape(path, prompts);
        return shares.Mean(prompts);
    }
}

/// <summary>The mean of values in a parameter's place; exact for the maps and norms that use them, as both are linear in their parameters.</summary>
internal sealed class AverageParameter(IReadOnlyList<Share> shares) : ParameterPart
{
    public override Tensor Value(RowGroup rows, Tensor? original) =>
        shares.Mean(parts => parts.Aggregate(original, (value, part) => ((ParameterPart)part).Value(rows, value)))!;
}

/// <summary>Weighted sums.</summary>
internal static class Shares
{
    /// <summary><c>Σ_i w_i f(parts_i)</c>; null where every f is, which counts as zero.</summary>
    public static Tensor? Mean(this IReadOnlyList<Share> shares, Func<Part[], Tensor?> value)
    {
        Tensor? sum = null;
        foreach (var share in shares)
        {
            if (value(share.Parts) is { } term)
            {
                sum = sum is null ? term * share.Weight : sum + (term * share.Weight);
            }
        }

        return sum;
    }

    /// <summary><c>Σ_i w_i v_i</c>.</summary>
    public static Tensor Mean(this IReadOnlyList<Share> shares, IReadOnlyList<Tensor> values)
    {
        var sum = values[0] * shares[0].Weight;
        for (var i = 1; i < values.Count; i++)
        {
            sum += values[i] * shares[i].Weight;
        }

        return sum;
    }

    /// <summary>Refuses virtual tokens of different numbers.</summary>
    public static void RequireSameShape(this IReadOnlyList<Share> shares, string path, List<Tensor> values)
    {
        if (values.Exists(v => !v.Shape.SequenceEqual(values[0].Shape)))
        {
            throw new GraftException(
                $"The {shares.Count} adapters have no average at '{path}': their virtual tokens are [{string.Join("], [", values.Select(v => string.Join(", ", v.Shape.ToArray())))}]; average those of one length.");
        }
    }
}
