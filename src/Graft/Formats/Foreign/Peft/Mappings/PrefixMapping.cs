using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>
/// Prefix tuning and P-tuning v2. PEFT keeps keys and values of all L layers in <c>prompt_embeddings</c> [P, 2 L W], layer by layer, keys first,
/// and hands them over as past keys and values, so that the text's positions begin at P.
/// </summary>
internal sealed class PrefixMapping : PeftMapping
{
    private const string Key = "prompt_embeddings";

    /// <inheritdoc/>
    public override string PeftType => "PREFIX_TUNING";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => ["p-tuning-v2", "prefix-tuning"];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } =
    [
        .. PeftField.Common, .. PeftField.Prompts,
        new("encoder_hidden_size", "null"),
        new("init_weights", "null", PeftFieldUse.Free, Written: false),
        new("prefix_projection", "false", PeftFieldUse.Free),
    ];

    /// <summary>Heads are no part of the wrapped model here, so they lack a level.</summary>
    /// <inheritdoc/>
    public override string HeadRoot => "base_model.";

    /// <inheritdoc/>
    public override bool NamesSavedModules => false;

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        if (modules.Backbone.Config.Decoder is not null)
        {
            throw config.Refused("peft_type", "PEFT hands a prefix over to the decoder of an encoder-decoder alone, and Graft's stand in both stacks");
        }

        PromptShape.Check(config, modules.Backbone);
        if (config.Fields.Whole("num_layers", modules.Backbone.Config.Layers) != modules.Backbone.Config.Layers)
        {
            throw config.Refused("num_layers", $"this {modules.Backbone.Config.ModelType} backbone has {modules.Backbone.Config.Layers} layers");
        }

        var settings = new JsonObject { ["length"] = config.Positive("num_virtual_tokens"), ["flat"] = true, ["shift_positions"] = true };
        if (config.Fields.Whole("encoder_hidden_size", 0) is var bottleneck and > 0 and <= int.MaxValue)
        {
            settings["bottleneck"] = bottleneck;
        }

        return ("prefix-tuning", settings);
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout)
    {
        if (layout.Modules.Backbone.Config.Decoder is not null)
        {
            throw layout.NoPlace("virtual keys and values of an encoder-decoder, which it hands over to the decoder alone", "keep the adapter as a package of Graft");
        }

        if (!layout.Flag("shift_positions"))
        {
            throw layout.NoPlace("virtual tokens that leave the text's positions as they are", "train with shift_positions=true");
        }

        if (layout.Config["gate"] is { } gate && (string)gate! != "none")
        {
            throw layout.NoPlace("a gate", "train with gate=none, or convert to adapterhub");
        }

        _ = Prefixes(layout);
        return PromptShape.Fields(layout.Modules.Backbone, (int)layout.Number("length"));
    }

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout)
    {
        var prefixes = Prefixes(layout);
        var length = layout.State.Values.First()[0];
        long width = layout.Modules.Backbone.Config.HiddenSize;
        return
        [
            new ForeignTensor(
                Key, [length, prefixes.Count * width],
                weights => Tensor.Cat([.. prefixes.Select(p => weights[p])], 1),
                whole => prefixes.Select((path, i) => (path, whole.Narrow(1, i * width, width)))),
        ];
    }

    // Keys and values of every layer, in PEFT's order.
    private static List<string> Prefixes(PeftLayout layout)
    {
        var paths = layout.Modules.Backbone.Sites.KeyValue(SiteRole.SelfAttention | SiteRole.CrossAttention)
            .SelectMany(s => new[] { $"{s.Path}.keys", $"{s.Path}.values" }).ToList();
        return layout.State.Keys.ToHashSet(StringComparer.Ordinal).SetEquals(paths) ? paths : throw layout.NoPlace("virtual tokens in some of the layers only", "train without leave_out");
    }
}
