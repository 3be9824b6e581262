using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>
/// T5's attention sublayer: <c>x' = x + drop(W_o [softmax(Q_h K_hᵀ + B_h) V_h]_h)</c> of <c>u = norm(x)</c>, without biases and without
/// 1/√D; the softmax is in float32 or wider. Cross-attention makes keys and values of the encoder's states.
/// </summary>
internal sealed class T5Attention
{
    private readonly int _heads;
    private readonly int _headSize;
    private readonly double _dropout;
    private readonly HiddenSite _site;
    private readonly RmsNorm _norm;
    private readonly LinearSite _query;
    private readonly LinearSite _key;
    private readonly LinearSite _value;
    private readonly LinearSite _out;
    private readonly KeyValueSite _keyValue;

    /// <summary>Takes the sublayer's weights.</summary>
    /// <param name="build">Gives modules.</param>
    /// <param name="path">The checkpoint path of the sublayer, such as <c>decoder.block.0.layer.1</c>.</param>
    /// <param name="sublayer">Self- or cross-attention.</param>
    /// <param name="stack">Its stack.</param>
    /// <param name="layer">Its block's number.</param>
    /// <param name="config">The settings every part may read.</param>
    /// <param name="t5">The settings of the blocks.</param>
    public T5Attention(BlockBuilder build, string path, SiteRole sublayer, StackKind stack, int layer, BackboneConfig config, T5Config t5)
    {
        (_heads, _headSize, _dropout) = (config.Heads, config.HeadSize, t5.Dropout);
        var module = path + (sublayer == SiteRole.CrossAttention ? ".EncDecAttention" : ".SelfAttention");
        var (w, inner) = (config.HiddenSize, config.Heads * config.HeadSize);
        _site = build.Sites.Add(new HiddenSite(path, w, sublayer, stack, layer));
        _norm = build.RmsNorm(path + ".layer_norm", w, t5.NormEpsilon, sublayer, stack, layer);
        _query = Linear(".q", w, inner, SiteRole.Query);
        _key = Linear(".k", w, inner, SiteRole.Key);
        _value = Linear(".v", w, inner, SiteRole.Value);
        _keyValue = build.Sites.Add(new KeyValueSite(module, w, config.Heads, config.HeadSize, sublayer, stack, layer));
        _out = Linear(".o", inner, w, SiteRole.AttentionOut);

        LinearSite Linear(string name, int inputs, int outputs, SiteRole role) =>
            build.Linear(module + name, inputs, outputs, role, sublayer, stack, layer, bias: false);
    }

    /// <summary>Computes self-attention.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="x">[B, Q, W], floating.</param>
    /// <param name="bias">[1 or B, H, Q, T], floating: positions and masks; T is Q, or all tokens so far with a cache.</param>
    /// <param name="cache">What a decoder remembers; null to attend to x alone.</param>
    /// <returns>[B, Q, W].</returns>
    public Tensor Self(AdapterPass? pass, Tensor x, Tensor bias, DecoderCache? cache)
    {
        var u = _site.Before(pass, _norm.Apply(pass, x));
        var (keys, values) = (Split(_key.Apply(pass, u)), Split(_value.Apply(pass, u)));
        return Finish(pass, x, u, cache is null
            ? _keyValue.Apply(pass, u, keys, values, bias)
            : cache.Grow(_keyValue, pass!, u, keys, values, bias));
    }

    /// <summary>Computes cross-attention.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="x">[B, Q, W], floating.</param>
    /// <param name="source">What is attended to; not read when the cache has it.</param>
    /// <param name="cache">What a decoder remembers; null for nothing.</param>
    /// <returns>[B, Q, W].</returns>
    public Tensor Cross(AdapterPass? pass, Tensor x, EncodedText? source, DecoderCache? cache)
    {
        var u = _site.Before(pass, _norm.Apply(pass, x));
        return Finish(pass, x, u, cache is null ? Source() : cache.Once(_keyValue, Source));

        (Tensor Keys, Tensor Values, Tensor? Bias) Source()
        {
            pass?.See(source!.Mask, causal: false);
            var (keys, values) = (Split(_key.Apply(pass, source!.States)), Split(_value.Apply(pass, source.States)));
            pass?.See(null, causal: true);
            return _keyValue.Apply(pass, u, keys, values, source.Bias);
        }
    }

    private Tensor Finish(AdapterPass? pass, Tensor x, Tensor u, (Tensor Keys, Tensor Values, Tensor? Bias) source)
    {
        var mixed = Attend(pass, Split(_query.Apply(pass, u)), source.Keys, source.Values, source.Bias);
        var joined = mixed.Transpose(1, 2).Reshape(u.Size(0), u.Size(1), _heads * _headSize);
        var a = AdapterPass.Dropout(pass, _site.Inner(pass, _out.Apply(pass, joined)), _dropout);
        return _site.End(pass, _site.After(pass, u, a, x, norm: null), x, norm: null);
    }

    private Tensor Attend(AdapterPass? pass, Tensor queries, Tensor keys, Tensor values, Tensor? bias)
    {
        var dropout = pass is { Training: true } ? _dropout : 0;
        if (dropout == 0 && bias is not { RequiresGrad: true }
            && F.ScaledDotProductAttention(queries * Math.Sqrt(_headSize), keys, values, bias) is { } fused)
        {
            return fused;
        }

        // Scores are by far the largest tensors of a pass; what autograd does not need of them goes at once.
        using var scope = new TensorScope();
        var scores = queries.MatMul(keys.Transpose(-2, -1));
        scores = bias is null ? scores : scores + bias;
        var wide = scores.DType == DType.Float64 ? scores : scores.To(DType.Float32);
        return scope.Keep(AdapterPass.Dropout(pass, wide.Softmax(-1).To(scores.DType), dropout).MatMul(values));
    }

    /// <summary>[B, T, H·D] to [B, H, T, D].</summary>
    private Tensor Split(Tensor y) => y.View(y.Size(0), y.Size(1), _heads, _headSize).Transpose(1, 2);
}

/// <summary>
/// T5's feed-forward sublayer, <c>x' = x + drop(W_o drop(f(W_i u)))</c> of <c>u = norm(x)</c>; gated as in v1.1,
/// <c>x' = x + drop(W_o drop(f(W_i0 u) ∘ W_i1 u))</c> (Shazeer 2020, arXiv 2002.05202).
/// </summary>
internal sealed class T5FeedForward
{
    private readonly double _dropout;
    private readonly HiddenSite _site;
    private readonly RmsNorm _norm;
    private readonly LinearSite _in;
    private readonly LinearSite? _gate;
    private readonly LinearSite _out;
    private readonly Func<Tensor, Tensor> _activation;

    /// <summary>Takes the sublayer's weights.</summary>
    /// <param name="build">Gives modules.</param>
    /// <param name="path">The checkpoint path of the sublayer, such as <c>encoder.block.0.layer.1</c>.</param>
    /// <param name="stack">Its stack.</param>
    /// <param name="layer">Its block's number.</param>
    /// <param name="config">The settings every part may read.</param>
    /// <param name="t5">The settings of the blocks.</param>
    public T5FeedForward(BlockBuilder build, string path, StackKind stack, int layer, BackboneConfig config, T5Config t5)
    {
        (_dropout, _activation) = (t5.Dropout, Activations.Get(t5.Activation));
        var (w, inner) = (config.HiddenSize, config.FeedForwardSize);
        _site = build.Sites.Add(new HiddenSite(path, w, SiteRole.FeedForward, stack, layer));
        _norm = build.RmsNorm(path + ".layer_norm", w, t5.NormEpsilon, SiteRole.FeedForward, stack, layer);
        _in = Linear(t5.Gated ? "wi_0" : "wi", w, inner, SiteRole.FeedForwardIn);
        _gate = t5.Gated ? Linear("wi_1", w, inner, SiteRole.FeedForwardGate) : null;
        _out = Linear("wo", inner, w, SiteRole.FeedForwardOut);

        LinearSite Linear(string name, int inputs, int outputs, SiteRole role) =>
            build.Linear($"{path}.DenseReluDense.{name}", inputs, outputs, role, SiteRole.FeedForward, stack, layer, bias: false);
    }

    /// <summary>Computes the sublayer.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="x">[B, T, W], floating.</param>
    /// <returns>[B, T, W].</returns>
    public Tensor Forward(AdapterPass? pass, Tensor x)
    {
        var u = _site.Before(pass, _norm.Apply(pass, x));
        var inner = _activation(_in.Apply(pass, u));
        inner = _gate is null ? inner : inner * _gate.Apply(pass, u);
        var f = _out.Apply(pass, AdapterPass.Dropout(pass, inner, _dropout));
        f = AdapterPass.Dropout(pass, _site.Inner(pass, f), _dropout);
        return _site.End(pass, _site.After(pass, u, f, x, norm: null), x, norm: null);
    }
}
