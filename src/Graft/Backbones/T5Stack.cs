using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>
/// One of T5's two stacks: pre-norm blocks of self-attention, in the decoder cross-attention, and feed-forward, then a norm and dropout. Its
/// first block has the table of relative positions that all of its blocks add to their scores of self-attention.
/// </summary>
internal sealed class T5Stack
{
    private readonly T5Config _t5;
    private readonly bool _decoder;
    private readonly ParameterSite _positions;
    private readonly (T5Attention Self, T5Attention? Cross, T5FeedForward FeedForward)[] _blocks;
    private readonly RmsNorm _norm;

    /// <summary>Takes the stack's weights.</summary>
    /// <param name="build">Gives modules.</param>
    /// <param name="stack">Encoder or decoder.</param>
    /// <param name="layers">The number of blocks.</param>
    /// <param name="config">The settings every part may read.</param>
    /// <param name="t5">The settings of the blocks.</param>
    public T5Stack(BlockBuilder build, StackKind stack, int layers, BackboneConfig config, T5Config t5)
    {
        (_t5, _decoder) = (t5, stack == StackKind.Decoder);
        var name = _decoder ? "decoder" : "encoder";
        _positions = build.Embedding($"{name}.block.0.layer.0.SelfAttention.relative_attention_bias", t5.Buckets, config.Heads, stack);
        _blocks = [.. Enumerable.Range(0, layers).Select(Block)];
        _norm = build.RmsNorm($"{name}.final_layer_norm", config.HiddenSize, t5.NormEpsilon, SiteRole.None, stack, -1);

        (T5Attention, T5Attention?, T5FeedForward) Block(int l) => (
            new T5Attention(build, $"{name}.block.{l}.layer.0", SiteRole.SelfAttention, stack, l, config, t5),
            _decoder ? new T5Attention(build, $"{name}.block.{l}.layer.1", SiteRole.CrossAttention, stack, l, config, t5) : null,
            new T5FeedForward(build, $"{name}.block.{l}.layer.{(_decoder ? 2 : 1)}", stack, l, config, t5));
    }

    /// <summary>Computes the encoder.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="x">[B, T, W], floating: the embedded text after dropout.</param>
    /// <param name="mask">[B, 1, 1, T], floating: what is added to scores of padding; null when nothing is padded.</param>
    /// <param name="states">Receives the input and every block's output, the last one normalized; null for none.</param>
    /// <returns>[B, T, W].</returns>
    public Tensor Encode(AdapterPass? pass, Tensor x, Tensor? mask, List<Tensor>? states)
    {
        var bias = Positions(pass, 0, x.Size(1));
        bias = mask is null ? bias : bias + mask;
        foreach (var block in _blocks)
        {
            states?.Add(x);
            x = block.FeedForward.Forward(pass, block.Self.Self(pass, x, bias, cache: null));
        }

        x = End(pass, x);
        states?.Add(x);
        return x;
    }

    /// <summary>Computes the decoder.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="x">[B, S, W], floating: the embedded tokens after dropout; those after the ones of the cache.</param>
    /// <param name="source">What cross-attention reads; not needed when the pass's cache has read it.</param>
    /// <returns>[B, S, W].</returns>
    public Tensor Decode(AdapterPass? pass, Tensor x, EncodedText? source)
    {
        var cache = pass?.Cache;
        var (before, tokens) = (cache?.Length ?? 0, x.Size(1));
        var bias = Positions(pass, before, tokens);
        if (tokens > 1)
        {
            // A cache is read token by token once it holds any, so that what must not be seen lies within the new tokens.
            var causal = AttentionBias.Causal(tokens, x.DType, x.Device);
            bias += before == 0 ? causal : Tensor.Cat([Tensor.Zeros([1, 1, tokens, before], x.DType, x.Device), causal], 3);
        }

        foreach (var block in _blocks)
        {
            x = block.Self.Self(pass, x, bias, cache);
            x = block.FeedForward.Forward(pass, block.Cross!.Cross(pass, x, source, cache));
        }

        cache?.Advance((int)tokens);
        return End(pass, x);
    }

    private Tensor End(AdapterPass? pass, Tensor x) => AdapterPass.Dropout(pass, _norm.Apply(pass, x), _t5.Dropout);

    /// <summary>The bias of relative positions, [1 or B, H, Q, before + Q].</summary>
    private Tensor Positions(AdapterPass? pass, long before, long queries)
    {
        var buckets = RelativePositions.Buckets(before, queries, !_decoder, _t5.Buckets, _t5.Furthest, _positions.Parameter!.Value.Device);
        return _positions.Lookup(pass, buckets).Permute(0, 3, 1, 2);
    }
}
