using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones.Generation;

/// <summary>Where a search gets the scores of next tokens from. Thread contract: one thread; results belong to the caller's scope.</summary>
internal abstract class TokenScores
{
    /// <summary>The scores of each row's first token, [B, V].</summary>
    public abstract Tensor First();

    /// <summary>Repeats every row, each one's copies next to each other; called once, before the first <see cref="Next"/>.</summary>
    /// <param name="times">How often.</param>
    public abstract void Repeat(int times);

    /// <summary>Adds a token to each row.</summary>
    /// <param name="ids">[R]: the tokens.</param>
    /// <param name="origins">[R]: for each row, the one whose tokens it goes on from.</param>
    /// <returns>The scores of the tokens that follow, [R, V].</returns>
    public abstract Tensor Next(long[] ids, long[] origins);
}

/// <summary>Scores of a decoder that remembers.</summary>
internal sealed class RememberedScores(ITextDecoder decoder, BackboneInput input, AdapterPass pass) : TokenScores
{
    public override Tensor First() => decoder.Begin(input, pass);

    public override void Repeat(int times) => pass.Repeat(times);

    public override Tensor Next(long[] ids, long[] origins)
    {
        var device = input.InputIds.Device;
        if (origins.Index().Any(o => o.Item != o.Index))
        {
            pass.Cache!.Reorder(Tensor.From(origins, origins.Length).To(device));
        }

        return decoder.Next(Tensor.From(ids, ids.Length).To(device), pass);
    }
}

/// <summary>Scores of whole passes over everything written so far: what remembering must be equal to.</summary>
/// <param name="rows">The number of rows B.</param>
/// <param name="start">The token that the decoder starts from.</param>
/// <param name="last">Computes the scores behind the last token, [R, V], of ids [R, S] when every row is repeated so many times.</param>
internal sealed class RecomputedScores(int rows, int start, Func<Tensor, int, Tensor> last) : TokenScores
{
    private long[][] _ids = [.. Enumerable.Range(0, rows).Select(_ => new long[] { start })];
    private int _times = 1;

    public override Tensor First() => Last();

    public override void Repeat(int times)
    {
        _times = times;
        _ids = [.. _ids.SelectMany(row => Enumerable.Repeat(row, times))];
    }

    public override Tensor Next(long[] ids, long[] origins)
    {
        _ids = [.. origins.Zip(ids, (origin, id) => _ids[origin].Append(id).ToArray())];
        return Last();
    }

    private Tensor Last() => last(Tensor.From(_ids.SelectMany(row => row).ToArray(), _ids.Length, _ids[0].Length), _times);
}
