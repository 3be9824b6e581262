using System.Runtime.CompilerServices;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>
/// RoBERTa (Liu et al. 2019): BERT's blocks, one segment type, and positions that count real tokens from <c>pad + 1</c> while padding keeps
/// position <c>pad</c>, so two rows of the table are never a text's and the longest input is that many tokens shorter.
/// </summary>
/// <param name="config">The settings every part may read.</param>
/// <param name="encoder">The settings of its blocks and embeddings.</param>
/// <param name="weights">Where the weights come from.</param>
public sealed class Roberta(BackboneConfig config, BertConfig encoder, WeightSource weights) : Bert(config, encoder, weights)
{
    private readonly int _pad = encoder.PadId;
    private readonly double _epsilon = encoder.NormEpsilon;

    /// <inheritdoc/>
    public override MaskedHeadFormat MaskedHead => new(
        "RobertaForMaskedLM", "lm_head.dense", "lm_head.layer_norm", "lm_head.bias", "lm_head.decoder", "gelu", _epsilon);

    /// <inheritdoc/>
    protected override Tensor PositionIds(Tensor ids, Tensor? shift)
    {
        var real = ids.Ne(_pad).To(DType.Int64);
        var counts = real.CumulativeSum(1);
        return ((shift is null ? counts : counts + shift) * real) + _pad;
    }

    [ModuleInitializer]
    internal static new void Register() => Architectures.Register(new Architecture(
        "roberta", "roberta.", ["lm_head.", "classifier.", "qa_outputs.", "embeddings.position_ids", "pooler."],
        fields => Read(
            fields, fields.Positive("max_position_embeddings") - fields.Integer("pad_token_id", 1) - 1,
            (c, e, w) => new Roberta(c, e with { PadId = fields.Integer("pad_token_id", 1) }, w))) { Initial = InitialValues });
}
