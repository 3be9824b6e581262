using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>
/// What a decoder remembers while it writes token by token: the keys and values of every attention, virtual ones included, and what parts
/// computed from the first token. Rows may be repeated once for the beams of a search, and the beams of a row may change places. It owns its
/// tensors. Thread contract: used by one thread, without gradients.
/// </summary>
/// <param name="capacity">The largest number of tokens it will hold.</param>
internal sealed class DecoderCache(int capacity) : IDisposable
{
    private readonly Dictionary<KeyValueSite, Growing> _growing = [];
    private readonly Dictionary<KeyValueSite, (Tensor Keys, Tensor Values, Tensor? Bias)> _fixed = [];
    private readonly Dictionary<object, Tensor> _values = [];

    /// <summary>The number of tokens that the decoder has read.</summary>
    public int Length { get; private set; }

    /// <summary>Counts tokens that the decoder has read.</summary>
    /// <param name="tokens">How many.</param>
    public void Advance(int tokens) => Length += tokens;

    /// <summary>The keys, values and bias of self-attention over all tokens so far; the virtual tokens of the pass are asked for once.</summary>
    /// <param name="site">The attention.</param>
    /// <param name="pass">The pass.</param>
    /// <param name="hidden">[R, Q, W]: what queries are made of.</param>
    /// <param name="keys">[R, H, Q, D]: those of the new tokens.</param>
    /// <param name="values">[R, H, Q, D].</param>
    /// <param name="bias">[1, H, Q, T]: what is added to the scores of all tokens so far; null for nothing.</param>
    /// <returns>[R, H, P + T, D] twice, and [1 or R, H, Q, P + T] or null.</returns>
    public (Tensor Keys, Tensor Values, Tensor? Bias) Grow(
        KeyValueSite site, AdapterPass pass, Tensor hidden, Tensor keys, Tensor values, Tensor? bias)
    {
        if (_growing.TryGetValue(site, out var kept))
        {
            kept.Append(keys, values);
            return (kept.Keys, kept.Values, kept.Joined(bias));
        }

        var (allKeys, allValues, allBias) = site.Apply(pass, hidden, keys, values, bias);
        var virtualTokens = allKeys.Size(2) - keys.Size(2);
        _growing.Add(site, new Growing(capacity + virtualTokens, virtualTokens, allKeys, allValues, allBias));
        return (allKeys, allValues, allBias);
    }

    /// <summary>The keys, values and bias of cross-attention, computed once.</summary>
    /// <param name="site">The attention.</param>
    /// <param name="compute">[R, H, P + T, D] twice, and [1 or R, 1, 1, P + T] or null.</param>
    public (Tensor Keys, Tensor Values, Tensor? Bias) Once(KeyValueSite site, Func<(Tensor Keys, Tensor Values, Tensor? Bias)> compute)
    {
        if (!_fixed.TryGetValue(site, out var kept))
        {
            var (keys, values, bias) = compute();
            kept = (Owned(keys), Owned(values), bias is null ? null : Owned(bias));
            _fixed.Add(site, kept);
        }

        return kept;
    }

    /// <summary>A value of each row, computed once.</summary>
    /// <param name="owner">Whose value it is.</param>
    /// <param name="compute">[R, ...].</param>
    public Tensor Once(object owner, Func<Tensor> compute)
    {
        if (!_values.TryGetValue(owner, out var kept))
        {
            kept = Owned(compute());
            _values.Add(owner, kept);
        }

        return kept;
    }

    /// <summary>Repeats every row, each one's copies next to each other.</summary>
    /// <param name="times">How often.</param>
    public void Repeat(int times)
    {
        foreach (var kept in _growing.Values)
        {
            kept.Change(all => all.RepeatInterleave(times, 0), whole: true);
        }

        foreach (var (site, (keys, values, bias)) in _fixed.ToList())
        {
            _fixed[site] = (Repeated(keys), Repeated(values), bias is null or { Shape: [1, ..] } ? bias : Repeated(bias));
        }

        foreach (var (owner, value) in _values.ToList())
        {
            _values[owner] = Repeated(value);
        }

        Tensor Repeated(Tensor rows)
        {
            var repeated = Owned(rows.RepeatInterleave(times, 0));
            rows.Dispose();
            return repeated;
        }
    }

    /// <summary>Lets beams go on from other beams of the same row.</summary>
    /// <param name="rows">[R], int64: for each row, the one that it goes on from, of the same row of the input.</param>
    public void Reorder(Tensor rows)
    {
        // Cross-attention and what the first token gave are the same for the beams of a row.
        foreach (var kept in _growing.Values)
        {
            kept.Change(all => all.IndexSelect(0, rows), whole: false);
        }
    }

    /// <summary>Frees everything.</summary>
    public void Dispose()
    {
        foreach (var kept in _growing.Values)
        {
            kept.Dispose();
        }

        foreach (var (keys, values, bias) in _fixed.Values)
        {
            keys.Dispose();
            values.Dispose();
            bias?.Dispose();
        }

        foreach (var value in _values.Values)
        {
            value.Dispose();
        }
    }

    // A copy of its own: what a part gives may be a view of its parameters, and steps free their tensors.
    private static Tensor Owned(Tensor value) => value.Clone().Unscoped();

    /// <summary>Keys and values in buffers that have room for every token to come.</summary>
    private sealed class Growing : IDisposable
    {
        private readonly long _virtual;
        private Tensor _keys;
        private Tensor _values;
        private Tensor? _virtualBias;
        private long _length;

        public Growing(long capacity, long virtualTokens, Tensor keys, Tensor values, Tensor? bias)
        {
            _virtual = virtualTokens;
            long[] shape = [keys.Size(0), keys.Size(1), capacity, keys.Size(3)];
            _keys = Tensor.Empty(shape, keys.DType, keys.Device).Unscoped();
            _values = Tensor.Empty(shape, keys.DType, keys.Device).Unscoped();
            _virtualBias = virtualTokens > 0 ? bias?.Narrow(3, 0, virtualTokens).Narrow(1, 0, 1).Narrow(2, 0, 1).Clone().Unscoped() : null;
            Append(keys, values);
        }

        public Tensor Keys => _keys.Narrow(2, 0, _length);

        public Tensor Values => _values.Narrow(2, 0, _length);

        public void Append(Tensor keys, Tensor values)
        {
            var count = keys.Size(2);
            _keys.Narrow(2, _length, count).Copy_(keys);
            _values.Narrow(2, _length, count).Copy_(values);
            _length += count;
        }

        public Tensor? Joined(Tensor? bias)
        {
            if (_virtual == 0)
            {
                return bias;
            }

            if (_virtualBias is null && bias is null)
            {
                return null;
            }

            var text = bias ?? Tensor.Zeros([1, 1, 1, _length - _virtual], _keys.DType, _keys.Device);
            var front = _virtualBias ?? Tensor.Zeros([1, 1, 1, _virtual], _keys.DType, _keys.Device);
            var rows = Math.Max(front.Size(0), text.Size(0));
            return Tensor.Cat([front.Expand(rows, text.Size(1), text.Size(2), -1), text.Expand(rows, -1, -1, -1)], 3);
        }

        public void Change(Func<Tensor, Tensor> change, bool whole)
        {
            Replace(ref _keys);
            Replace(ref _values);
            if (whole && _virtualBias is not null and not { Shape: [1, ..] })
            {
                Replace(ref _virtualBias!);
            }

            void Replace(ref Tensor tensor)
            {
                var changed = change(tensor).Unscoped();
                tensor.Dispose();
                tensor = changed;
            }
        }

        public void Dispose()
        {
            _keys.Dispose();
            _values.Dispose();
            _virtualBias?.Dispose();
        }
    }
}
