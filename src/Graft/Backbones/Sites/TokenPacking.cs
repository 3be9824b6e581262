using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>
/// The real tokens of a padded batch laid end to end, so that everything but attention costs nothing at padding: [B, T, W] to [1, N, W] with N
/// real tokens, in the order of the rows, and back. Thread contract: read-only.
/// </summary>
internal sealed class TokenPacking
{
    // Below this share of padding, moving tokens costs as much as it saves.
    private const double WorthwhilePadding = 0.1;

    private readonly long[] _starts;
    private readonly Tensor _tokens;
    private readonly Tensor _places;
    private readonly Tensor _rowOfToken;

    private TokenPacking(float[] mask, long rows, long length)
    {
        _starts = new long[rows + 1];
        var tokens = new List<long>(mask.Length);
        var places = new long[mask.Length];
        for (var row = 0L; row < rows; row++)
        {
            for (var at = row * length; at < (row + 1) * length; at++)
            {
                if (mask[at] != 0)
                {
                    tokens.Add(at);
                }

                // Nobody reads what stands at padding: a real token of the same row, so that nothing has to be filled.
                places[at] = Math.Max(_starts[row], tokens.Count - 1);
            }

            _starts[row + 1] = tokens.Count;
        }

        _tokens = Tensor.From([.. tokens], tokens.Count);
        _places = Tensor.From(places, rows, length);
        _rowOfToken = Tensor.From([.. tokens.Select(t => t / length)], tokens.Count);
    }

    /// <summary>
    /// The packing of a batch; null where it has too little padding to be worth it or a row without any token, and on a GPU, which packing would have
    /// to wait for.
    /// </summary>
    /// <param name="mask">[B, T], floating: 1 at real tokens, 0 at padding; null when nothing is padded.</param>
    public static TokenPacking? Of(Tensor? mask)
    {
        if (mask is null || mask.Device != Device.Cpu || mask.Count == 0)
        {
            return null;
        }

        var values = mask.To(DType.Float32).ToArray<float>();
        var isWorthwhile = values.Count(v => v != 0) <= (1 - WorthwhilePadding) * values.Length;
        return isWorthwhile && values.Chunk((int)mask.Size(1)).All(row => row.Any(v => v != 0)) ? new TokenPacking(values, mask.Size(0), mask.Size(1)) : null;
    }

    /// <summary>The real tokens: [B, T, W] to [1, N, W].</summary>
    /// <param name="padded">[B, T, W], floating.</param>
    public Tensor Pack(Tensor padded) => F.Embedding(padded.Reshape(-1, padded.Size(2)), _tokens).Unsqueeze(0);

    /// <summary>The tokens in their rows: [1, N, W] to [B, T, W]; what stands at padding means nothing.</summary>
    /// <param name="packed">[1, N, W], floating.</param>
    public Tensor Unpack(Tensor packed) => F.Embedding(packed.Squeeze(0), _places);

    /// <summary>The tokens of some rows in their places: [1, n, W] to [B, T, W] of these rows.</summary>
    /// <param name="packed">[1, n, W], floating.</param>
    /// <param name="rows">The rows.</param>
    public Tensor Unpack(Tensor packed, RowGroup rows) => F.Embedding(packed.Squeeze(0), _places.Narrow(0, rows.Start, rows.Count) - _starts[rows.Start]);

    /// <summary>The tokens of some rows: [1, N, ...] to [1, n, ...].</summary>
    /// <param name="packed">[1, N, ...].</param>
    /// <param name="rows">The rows.</param>
    public Tensor Slice(Tensor packed, RowGroup rows) => Tokens(packed, 1, rows);

    /// <summary>A value of each of some rows where its tokens are: [B, 1, C] to [1, n, C].</summary>
    /// <param name="values">[B, 1, C], floating.</param>
    /// <param name="rows">The rows.</param>
    public Tensor PerToken(Tensor values, RowGroup rows) => F.Embedding(values.Squeeze(1), Tokens(_rowOfToken, 0, rows) - rows.Start).Unsqueeze(0);

    private Tensor Tokens(Tensor packed, int dim, RowGroup rows) =>
        packed.Narrow(dim, _starts[rows.Start], _starts[rows.Start + rows.Count] - _starts[rows.Start]);
}
