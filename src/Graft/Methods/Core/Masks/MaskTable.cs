using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>A matrix of a prototype that masks act on.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Rows">The rows.</param>
/// <param name="Columns">The columns.</param>
/// <param name="Bound">Scores begin uniform in ± this.</param>
internal sealed record MaskedMatrix(string Name, long Rows, long Columns, double Bound)
{
    /// <summary>The number of entries.</summary>
    public long Entries => Rows * Columns;
}

/// <summary>
/// Masks of several owners (the layers, or one task) over the matrices of a prototype: scores [N, rows, columns] of each matrix that train, or one
/// row of bits per owner for all matrices.
/// </summary>
internal sealed class MaskTable : Module, IGenerated, IRestored
{
    /// <summary>The key of the bits.</summary>
    public const string BitsKey = "masks";

    private const string ScoresKey = "scores.";

    private readonly IReadOnlyList<MaskedMatrix> _matrices;
    private readonly double _kept;
    private readonly Parameter[] _scores = [];
    private readonly ModuleBuffer? _bits;
    private readonly ModuleBuffer? _trained;

    public MaskTable(int owners, IReadOnlyList<MaskedMatrix> matrices, MaskedConfig config, Rng rng)
    {
        (_matrices, _kept) = (matrices, config.Kept);
        var scores = matrices.Select(m => rng.Uniform([owners, m.Rows, m.Columns], -m.Bound, m.Bound)).ToList();
        if (config.Masks == MaskForm.Fixed)
        {
            _bits = AddBuffer(BitsKey, Packed(scores));
        }
        else
        {
            _scores = [.. matrices.Zip(scores, (m, s) => AddParameter(ScoresKey + m.Name, s))];
            _trained = config.StaleMomentum ? AddBuffer("trained", Tensor.Zeros([1]), BufferKind.Training) : null;
        }
    }

    /// <summary>The scores; none where masks are bits.</summary>
    public IReadOnlyList<Parameter> Scores => _scores;

    /// <summary>The masks of each matrix.</summary>
    /// <param name="dtype">The type of masks from bits; those from scores have the scores'.</param>
    /// <returns>[N, rows, columns] for each matrix, zeros and ones; with the gradient of <see cref="TopKMask"/> where they come from scores.</returns>
    public Tensor[] Masks(DType dtype) => _bits is null ? [.. _scores.Select(s => TopKMask.Of(s, _kept))] : Unpacked(_bits, dtype);

    /// <summary>The masks of one owner, of each matrix.</summary>
    /// <param name="dtype">The type of masks from bits; those from scores have the scores'.</param>
    /// <param name="owner">The owner's number.</param>
    /// <returns>[1, rows, columns] for each matrix.</returns>
    public Tensor[] Masks(DType dtype, int owner) =>
        _bits is null ? [.. _scores.Select(s => TopKMask.Of(s.Value.Narrow(0, owner, 1), _kept))] : Unpacked(_bits.Value.Narrow(0, owner, 1), dtype);

    /// <summary>Scores of two sizes, those of kept entries twice those of the others: the same masks, and training may still move all of them.</summary>
    /// <inheritdoc/>
    public IEnumerable<(string Key, Tensor Value)> Restore(Func<string, Tensor> stored) =>
        _matrices.Zip(Unpacked(stored(BitsKey), DType.Float32), (m, mask) => (ScoresKey + m.Name, (mask + 1.0) * (m.Bound / 2)));

    /// <inheritdoc/>
    public IEnumerable<(string Key, Tensor Value)> Generate() =>
        [(BitsKey, _bits is null ? Packed([.. _scores.Select(s => s.Value)]) : _bits.Value)];

    /// <summary>
    /// Gives scores without a gradient one of zero, once they have had a gradient in an earlier step: what old versions of PyTorch leave behind,
    /// so that momentum and decay move them on.
    /// </summary>
    public void MoveUnused()
    {
        using var scope = new TensorScope();
        var used = _scores.Any(s => s.Value.Grad is not null);
        if (used)
        {
            _trained!.Value.Fill_(1);
        }
        else if (_trained!.Value.ToBool())
        {
            Array.ForEach(_scores, s => s.Value.Grad = s.Value.ZerosLike());
        }
    }

    private Tensor[] Unpacked(Tensor bits, DType dtype)
    {
        var whole = MaskBits.Unpack(bits, _matrices.Sum(m => m.Entries), dtype);
        var masks = new Tensor[_matrices.Count];
        var start = 0L;
        for (var i = 0; i < masks.Length; i++)
        {
            var matrix = _matrices[i];
            masks[i] = whole.Narrow(1, start, matrix.Entries).Reshape(whole.Size(0), matrix.Rows, matrix.Columns);
            start += matrix.Entries;
        }

        return masks;
    }

    private Tensor Packed(IReadOnlyList<Tensor> scores) => Pack(scores.Select(s => TopKMask.Of(s, _kept)));

    /// <summary>The bits of masks, all matrices of an owner in one row.</summary>
    /// <param name="masks">[N, rows, columns] for each matrix.</param>
    public static Tensor Pack(IEnumerable<Tensor> masks) => MaskBits.Pack(Tensor.Cat([.. masks.Select(m => m.Detach().Flatten(1))], 1));
}
