using Graft.Backbones;

namespace Graft.TestKit;

/// <summary>Backbones of published sizes whose weights are one zero seen through every shape: enough to attach to and to count, in no memory.</summary>
public static class HollowBackbones
{
    /// <summary>RoBERTa-base: 12 layers, width 768, 124,055,040 parameters without the pooler.</summary>
    public static Backbone RobertaBase() => new Roberta(
        new BackboneConfig("roberta", 768, 12, 12, 3072, 50265, 512), new BertConfig(514, 1, 1e-5, PadId: 1), WeightSource.OfShape());

    /// <summary>BERT-base, uncased: 12 layers, width 768.</summary>
    public static Backbone BertBase() => new Bert(new BackboneConfig("bert", 768, 12, 12, 3072, 30522, 512), new BertConfig(512), WeightSource.OfShape());

    /// <summary>T0-3B, which is T5-XL v1.1: 24 + 24 layers, width 2,048, gated, with a head of its own.</summary>
    public static Backbone T0With3Billion() => new T5(
        new BackboneConfig("t5", 2048, 24, 32, 5120, 32128, int.MaxValue) { HeadSize = 64, Decoder = new DecoderConfig(24, 0, 1, 0) },
        new T5Config(Activation: "gelu_new", Gated: true, TiedHead: false), WeightSource.OfShape());

    /// <summary>T5-base (v1.0): 12 + 12 layers, width 768, tied head, 222,903,552 parameters.</summary>
    public static Backbone T5Base() => new T5(
        new BackboneConfig("t5", 768, 12, 12, 3072, 32128, int.MaxValue) { HeadSize = 64, Decoder = new DecoderConfig(12, 0, 1, 0) },
        new T5Config(), WeightSource.OfShape());
}
