using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>The settings of a post-norm encoder block.</summary>
internal sealed record EncoderBlockConfig(
    int Width, int Heads, int FeedForward, double NormEpsilon, double HiddenDropout, double AttentionDropout, string Activation);

/// <summary>
/// A post-norm transformer block as in BERT and RoBERTa (Devlin et al. 2019):
/// <c>x' = LN(drop(Attention(x)) + x)</c>, <c>x'' = LN(drop(FFN(x')) + x')</c>,
/// <c>Attention(x) = W_o [softmax(Q_h K_hᵀ / √D + mask) V_h]_h + b_o</c>, dropout on the attention weights.
/// </summary>
internal sealed class EncoderBlock
{
    private readonly EncoderBlockConfig _config;
    private readonly LinearSite _query;
    private readonly LinearSite _key;
    private readonly LinearSite _value;
    private readonly LinearSite _attentionOut;
    private readonly LinearSite _feedForwardIn;
    private readonly LinearSite _feedForwardOut;
    private readonly KeyValueSite _keyValue;
    private readonly HiddenSite _attention;
    private readonly HiddenSite _feedForward;
    private readonly LayerNorm _attentionNorm;
    private readonly LayerNorm _feedForwardNorm;
    private readonly Func<Tensor, Tensor> _activation;

    public EncoderBlock(BlockBuilder build, string path, int layer, EncoderBlockConfig config)
    {
        _config = config;
        _activation = Activations.Get(config.Activation);
        var w = config.Width;
        var attention = path + ".attention";
        _attention = build.Sites.Add(new HiddenSite(attention, w, SiteRole.SelfAttention, StackKind.Encoder, layer));
        _query = Linear(".attention.self.query", w, w, SiteRole.Query, SiteRole.SelfAttention);
        _key = Linear(".attention.self.key", w, w, SiteRole.Key, SiteRole.SelfAttention);
        _value = Linear(".attention.self.value", w, w, SiteRole.Value, SiteRole.SelfAttention);
        _keyValue = build.Sites.Add(new KeyValueSite(
            attention + ".self", w, config.Heads, w / config.Heads, SiteRole.SelfAttention, StackKind.Encoder, layer));
        _attentionOut = Linear(".attention.output.dense", w, w, SiteRole.AttentionOut, SiteRole.SelfAttention);
        _attentionNorm = Norm(".attention.output.LayerNorm", SiteRole.SelfAttention);
        _feedForward = build.Sites.Add(new HiddenSite(path + ".output", w, SiteRole.FeedForward, StackKind.Encoder, layer));
        _feedForwardIn = Linear(".intermediate.dense", w, config.FeedForward, SiteRole.FeedForwardIn, SiteRole.FeedForward);
        _feedForwardOut = Linear(".output.dense", config.FeedForward, w, SiteRole.FeedForwardOut, SiteRole.FeedForward);
        _feedForwardNorm = Norm(".output.LayerNorm", SiteRole.FeedForward);

        LinearSite Linear(string name, int inputs, int outputs, SiteRole role, SiteRole sublayer) =>
            build.Linear(path + name, inputs, outputs, role, sublayer, StackKind.Encoder, layer);

        LayerNorm Norm(string name, SiteRole sublayer) =>
            build.LayerNorm(path + name, w, config.NormEpsilon, sublayer, StackKind.Encoder, layer);
    }

    /// <summary>Computes the block.</summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="x">[B, T, W], floating; or [1, N, W] packed.</param>
    /// <param name="bias">[B, 1, 1, T], floating: added to the attention scores; null when nothing is masked.</param>
    /// <param name="packing">How x is packed; null where it is padded.</param>
    /// <returns>As <paramref name="x"/>.</returns>
    public Tensor Forward(AdapterPass? pass, Tensor x, Tensor? bias, TokenPacking? packing)
    {
        var u = _attention.Before(pass, x);
        var a = AdapterPass.Dropout(pass, _attention.Inner(pass, _attentionOut.Apply(pass, Attention(pass, u, bias, packing))), _config.HiddenDropout);
        a = _attention.After(pass, u, a, x, _attentionNorm.Apply);
        x = _attention.End(pass, a, x, _attentionNorm);

        var v = _feedForward.Before(pass, x);
        var inner = _activation(_feedForwardIn.Apply(pass, v));
        var f = AdapterPass.Dropout(pass, _feedForward.Inner(pass, _feedForwardOut.Apply(pass, inner)), _config.HiddenDropout);
        f = _feedForward.After(pass, v, f, x, _feedForwardNorm.Apply);
        return _feedForward.End(pass, f, x, _feedForwardNorm);
    }

    // Rows are attended to apart from each other, so this alone needs them padded to one length.
    private Tensor Attention(AdapterPass? pass, Tensor x, Tensor? bias, TokenPacking? packing)
    {
        var q = Split(_query.Apply(pass, x));
        var k = Split(_key.Apply(pass, x));
        var v = Split(_value.Apply(pass, x));
        (k, v, bias) = _keyValue.Apply(pass, x, k, v, bias);

        // Scores are by far the largest tensors of a pass; what autograd does not need of them goes at once.
        using var scope = new TensorScope();
        var dropout = pass is { Training: true } ? _config.AttentionDropout : 0;
        if (dropout == 0 && F.ScaledDotProductAttention(q, k, v, bias) is { } fused)
        {
            return scope.Keep(Join(fused));
        }

        var scores = q.MatMul(k.Transpose(-2, -1)) / Math.Sqrt(q.Size(3));
        var weights = AdapterPass.Dropout(pass, (bias is null ? scores : scores + bias).Softmax(-1), dropout);
        return scope.Keep(Join(weights.MatMul(v)));

        // To [B, H, T, D].
        Tensor Split(Tensor y)
        {
            var rows = packing is null ? y : packing.Unpack(y);
            return rows.View(rows.Size(0), rows.Size(1), _config.Heads, _config.Width / _config.Heads).Transpose(1, 2);
        }

        // From [B, H, T, D].
        Tensor Join(Tensor y)
        {
            var rows = y.Transpose(1, 2).Reshape(y.Size(0), y.Size(2), _config.Width);
            return packing is null ? rows : packing.Pack(rows);
        }
    }
}
