using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>What AdapterHub calls the modules of one architecture. Immutable.</summary>
/// <param name="ModelType">The architecture's <c>model_type</c>.</param>
/// <param name="Prefix">What its models with heads put before every key of the base model.</param>
/// <param name="ModelClass">The class of models with exchangeable heads.</param>
/// <param name="StaticHead">The class of Hugging Face's classification model, whose head is known too.</param>
internal sealed record HubModel(string ModelType, string Prefix, string ModelClass, string StaticHead)
{
    private const string T5 = "t5";

    private static readonly HubModel[] s_all =
    [
        new("bert", "bert.", "BertAdapterModel", "BertForSequenceClassification"),
        new("roberta", "roberta.", "RobertaAdapterModel", "RobertaForSequenceClassification"),
        new(T5, "transformer.", "T5AdapterModel", "T5ForConditionalGeneration"),
    ];

    public static HubModel Of(Backbone backbone) => backbone.Config is { ModelType: T5, Decoder: null }
        ? throw new GraftException("An adapter of AdapterHub's T5 has parts in both stacks, and the model was loaded as its encoder alone; keep the adapter in the format that it is in.")
        : s_all.FirstOrDefault(m => m.ModelType == backbone.Config.ModelType) ?? throw new GraftException(
        $"AdapterHub's names of the modules of a {backbone.Config.ModelType} model are not known here; convert adapters of {Suggest.List([.. s_all.Select(m => m.ModelType)])} models.");

    /// <summary>The module that holds the bottlenecks of a sublayer: in T5 the sublayer itself, in BERT what follows its attention.</summary>
    public static string BottleneckModule(HiddenSite site) => site.Path.EndsWith(".attention", StringComparison.Ordinal) ? site.Path + ".output" : site.Path;

    /// <summary>The prefix pool's name of an attention: where an encoder is alone, its prefixes are called as a decoder's.</summary>
    public static string PrefixLocation(KeyValueSite site, SiteMap sites) =>
        site.Sublayer == SiteRole.CrossAttention ? "cross_prefix"
        : site.Stack == StackKind.Encoder && sites.All.Any(s => s.Stack == StackKind.Decoder) ? "encoder_prefix"
        : "self_prefix";
}
