using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>LoRA with rsLoRA, patterns, update bias and trained biases, and DoRA, which PEFT writes as LoRA with <c>use_dora</c>.</summary>
internal sealed class LoraMapping : PeftMapping
{
    private const string Plain = "lora";
    private const string Decomposed = "dora";

    /// <summary>The fields of LoRA, without those that AdaLoRA gives another meaning.</summary>
    internal static readonly IReadOnlyList<PeftField> Shared =
    [
        .. PeftField.Common, .. PeftField.Modules, .. PeftField.Layers,
        new("bias", "\"none\""),
        new("fan_in_fan_out", "false", PeftFieldUse.DefaultOnly),
        new("init_lora_weights", "true"),
        new("loftq_config", "{}", PeftFieldUse.Free),
        new("lora_alpha", "8"),
        new("lora_bias", "false", Written: false),
        new("lora_dropout", "0.0"),
        new("megatron_config", "null", PeftFieldUse.DefaultOnly),
        new("megatron_core", "\"megatron.core\"", PeftFieldUse.Free),
        new("r", "8"),
        new("use_dora", "false", Written: false),
        new("use_rslora", "false", Written: false),
        new("alora_invocation_tokens", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("arrow_config", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("corda_config", "null", PeftFieldUse.Free, Written: false),
        new("enable_lora", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("ensure_weight_tying", "false", PeftFieldUse.Free, Written: false),
        new("eva_config", "null", PeftFieldUse.Free, Written: false),
        new("kasa_config", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("layer_replication", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("lora_ga_config", "null", PeftFieldUse.Free, Written: false),
        new("merge_weights", "false", PeftFieldUse.Free, Written: false),
        new("monteclora_config", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("qalora_group_size", "16", PeftFieldUse.Free, Written: false),
        new("runtime_config", "null", PeftFieldUse.Free, Written: false),
        new("target_parameters", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("trainable_token_indices", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("use_bdlora", "null", PeftFieldUse.DefaultOnly, Written: false),
        new("use_qalora", "false", PeftFieldUse.DefaultOnly, Written: false),
        new("velora_config", "null", PeftFieldUse.Free, Written: false),
    ];

    // Where the initialisation leaves the backbone as it is; the others subtract the start from its weights.
    private static readonly string[] s_harmless = ["gaussian", "eva", "orthogonal"];

    /// <inheritdoc/>
    public override string PeftType => "LORA";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => [Plain, Decomposed];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } = [.. Shared, new("alpha_pattern", "{}"), new("rank_pattern", "{}")];

    /// <summary>Refuses initialisations that change the backbone's weights.</summary>
    /// <param name="config">The configuration.</param>
    internal static void CheckInit(PeftConfigFile config)
    {
        if (config.Json("init_lora_weights") is JsonValue value && value.TryGetValue<string>(out var init) && !s_harmless.Contains(init.ToLowerInvariant(), StringComparer.Ordinal))
        {
            throw config.Refused(
                "init_lora_weights", "this initialisation changes the backbone's weights; save the adapter in Python with path_initial_model_for_weight_conversion, which makes a plain LoRA of it");
        }
    }

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        CheckInit(config);
        var fields = config.Fields;
        var sites = modules.Select(config, ["query", "value"]);
        var dora = fields.Flag("use_dora", false);
        var bias = fields.TextOrNull("bias") ?? "none";
        var settings = new JsonObject
        {
            ["rank"] = config.Positive("r"),
            ["alpha"] = fields.Number("lora_alpha", 8),
            ["dropout"] = fields.Number("lora_dropout", 0),
            ["use_rslora"] = fields.Flag("use_rslora", false),
        };
        PeftPatterns.Read(settings, config, sites, modules);
        SiteSelection.Describe(settings, modules.Backbone, ("targets", sites));
        if (dora)
        {
            return bias == "none" && !fields.Flag("lora_bias", false) ? (Decomposed, settings) : throw config.Refused("use_dora", "Graft's DoRA trains no biases, which this adapter does");
        }

        // Versions 0.6 to 0.19 train the biases of adapted maps and do not save them.
        if (bias == "lora_only" && !file.Keys.Any(k => k.EndsWith(".bias", StringComparison.Ordinal) && !k.EndsWith(".lora_B.bias", StringComparison.Ordinal)))
        {
            throw config.Refused("bias", "the file has no trained bias, as some versions of PEFT do not save them; set it to none to read the adapter without them");
        }

        settings["lora_bias"] = fields.Flag("lora_bias", false);
        settings["bias"] = bias switch
        {
            "none" => "none",
            "all" => "all",
            "lora_only" => "adapted",
            _ => throw config.Refused("bias", "one of none, all and lora_only is expected"),
        };
        return (Plain, settings);
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout)
    {
        var sites = layout.Sites("lora_A");
        var fields = new Dictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["r"] = Number(layout.Number("rank")),
            ["lora_alpha"] = Number(layout.Number("alpha")),
            ["lora_dropout"] = layout.Number("dropout"),
            ["target_modules"] = layout.Modules.Names(sites),
        };
        PeftPatterns.Write(fields, layout, sites, Number);
        if (layout.Flag("use_rslora"))
        {
            fields["use_rslora"] = true;
        }

        if (layout.Method == Decomposed)
        {
            fields["use_dora"] = true;
            return fields;
        }

        if (layout.Text("gate") != "none")
        {
            throw layout.NoPlace("a gate", "train with gate=none, or convert to adapterhub");
        }

        fields["bias"] = layout.Text("bias") == "adapted" ? "lora_only" : layout.Text("bias");
        if (layout.Flag("lora_bias"))
        {
            fields["lora_bias"] = true;
        }

        return fields;
    }

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout)
    {
        var adapted = layout.Sites("lora_A").Select(s => s.Path).ToHashSet(StringComparer.Ordinal);
        foreach (var (path, shape) in layout.State)
        {
            var (site, key) = Split(path);
            var name = key switch
            {
                "lora_A" => layout.Modules.Key(site, ".lora_A.weight"),
                "lora_B" => layout.Modules.Key(site, ".lora_B.weight"),
                "lora_bias" => layout.Modules.Key(site, ".lora_B.bias"),
                "magnitude" => layout.Modules.Key(site, ".lora_magnitude_vector"),
                "bias.value" => Bias(layout, site, adapted.Contains(site)),
                _ => throw layout.NoPlace($"'{path}'"),
            };
            yield return ForeignTensor.Renamed(name, path, shape);
        }

        // PEFT saves every bias of the model with bias "all"; no head that Graft reads from such a file uses the pooler.
        var pooler = layout.Modules.Key("pooler.dense", ".bias");
        if (layout.File?.Contains(pooler) == true && layout.Text("bias") == "all")
        {
            yield return layout.File.Keys.Any(k => k.StartsWith(PeftModules.Root + "classifier.", StringComparison.Ordinal))
                ? throw layout.Fields!.Refused("bias", "the pooler's trained bias has no place in Graft, whose poolers are the backbone's")
                : new ForeignTensor(pooler, [layout.Modules.Backbone.Config.HiddenSize], _ => throw new InvalidOperationException("only read"), _ => []);
        }
    }

    // Versions before base_layer named the bias of an adapted map as the model does.
    private static string Bias(PeftLayout layout, string site, bool adapted)
    {
        var (plain, wrapped) = (layout.Modules.Key(site, ".bias"), layout.Modules.Key(site, ".base_layer.bias"));
        return adapted && !(layout.File is { } file && file.Contains(plain) && !file.Contains(wrapped)) ? wrapped : plain;
    }

    private static (string Site, string Key) Split(string path)
    {
        var at = path.EndsWith(".bias.value", StringComparison.Ordinal) ? path.Length - ".bias.value".Length : path.LastIndexOf('.');
        return (path[..at], path[(at + 1)..]);
    }
}
