using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>
/// Prompt tuning. PEFT's virtual tokens stand in for word embeddings. Its classifiers read the first position, which is a virtual token;
/// Graft's heads read the text, so a head cannot go along.
/// </summary>
internal sealed class PromptMapping : PeftMapping
{
    /// <summary>Why PEFT's heads over prompts are not Graft's.</summary>
    internal const string FirstIsVirtual = "the head reads the first position, which is a virtual token there, while Graft's heads read the text";

    /// <inheritdoc/>
    public override string PeftType => "PROMPT_TUNING";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => ["prompt-tuning"];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } =
    [
        .. PeftField.Common, .. PeftField.Prompts,
        new("prompt_tuning_init", "\"RANDOM\"", PeftFieldUse.Free),
        new("prompt_tuning_init_text", "null", PeftFieldUse.Free),
        new("tokenizer_kwargs", "null", PeftFieldUse.Free, Written: false),
        new("tokenizer_name_or_path", "null", PeftFieldUse.Free),
    ];

    /// <inheritdoc/>
    public override string HeadRoot => "base_model.";

    /// <inheritdoc/>
    public override string? RefusesHead => FirstIsVirtual;

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        PromptShape.Check(config, modules.Backbone);
        return ("prompt-tuning", new JsonObject { ["length"] = config.Positive("num_virtual_tokens"), ["as_words"] = true });
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout)
    {
        if (layout.Text("placement") != "prefix")
        {
            throw layout.NoPlace("virtual tokens behind the first token", "train with placement=prefix");
        }

        return PromptShape.Words(layout);
    }

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout) => PromptShape.Tensors(layout);
}

/// <summary>P-tuning: prompt tuning whose encoder is gone once it is saved.</summary>
internal sealed class PTuningMapping : PeftMapping
{
    /// <inheritdoc/>
    public override string PeftType => "P_TUNING";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => ["p-tuning"];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } =
    [
        .. PeftField.Common, .. PeftField.Prompts,
        new("encoder_dropout", "0.0", PeftFieldUse.Free),
        new("encoder_hidden_size", "null"),
        new("encoder_num_layers", "2"),
        new("encoder_reparameterization_type", "\"MLP\"", PeftFieldUse.Free),
    ];

    /// <inheritdoc/>
    public override string HeadRoot => "base_model.";

    /// <inheritdoc/>
    public override string? RefusesHead => PromptMapping.FirstIsVirtual;

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        PromptShape.Check(config, modules.Backbone);
        return ("p-tuning", new JsonObject { ["length"] = config.Positive("num_virtual_tokens"), ["encoder"] = "none", ["as_words"] = true });
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout)
    {
        var fields = PromptShape.Words(layout);

        // The encoder is made anew when PEFT loads, and never used; its width has to be one.
        fields["encoder_hidden_size"] = layout.Modules.Backbone.Config.HiddenSize;
        return fields;
    }

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout) => PromptShape.Tensors(layout);
}
