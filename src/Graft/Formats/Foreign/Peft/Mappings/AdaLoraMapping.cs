using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>
/// AdaLoRA. PEFT leaves out the triplets whose singular value was set to zero and says which by <c>rank_pattern</c>; they come back as zeros,
/// which add nothing.
/// </summary>
internal sealed class AdaLoraMapping : PeftMapping
{
    /// <inheritdoc/>
    public override string PeftType => "ADALORA";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => ["adalora"];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } =
    [
        .. LoraMapping.Shared,
        new("alpha_pattern", "{}", PeftFieldUse.DefaultOnly),
        new("beta1", "0.85"),
        new("beta2", "0.85"),
        new("deltaT", "1"),
        new("init_r", "12"),
        new("orth_reg_weight", "0.5"),
        new("rank_pattern", "null"),
        new("target_r", "8"),
        new("tfinal", "0"),
        new("tinit", "0"),
        new("total_step", "null"),
    ];

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        LoraMapping.CheckInit(config);
        var fields = config.Fields;
        foreach (var refused in new[] { "use_dora", "use_rslora", "lora_bias" }.Where(f => fields.Flag(f, false)))
        {
            throw config.Refused(refused, "AdaLoRA does not have it");
        }

        if ((fields.TextOrNull("bias") ?? "none") != "none")
        {
            throw config.Refused("bias", "Graft's AdaLoRA trains no biases of the backbone");
        }

        var settings = new JsonObject
        {
            ["initial_rank"] = fields.Whole("init_r", 12),
            ["target_rank"] = Math.Min(fields.Whole("target_r", 8), fields.Whole("init_r", 12)),
            ["alpha"] = fields.Number("lora_alpha", 8),
            ["dropout"] = fields.Number("lora_dropout", 0),
            ["orthogonality"] = fields.Number("orth_reg_weight", 0.5),
            ["beta1"] = fields.Number("beta1", 0.85),
            ["beta2"] = fields.Number("beta2", 0.85),
            ["warmup"] = fields.Number("tinit", 0),
            ["final"] = fields.Number("tfinal", 0),
            ["interval"] = Math.Max(1, fields.Number("deltaT", 1)),
        };
        SiteSelection.Describe(settings, modules.Backbone, ("targets", modules.Select(config, ["query", "key", "value", "dense"])));
        return ("adalora", settings);
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout) => new(StringComparer.Ordinal)
    {
        ["init_r"] = Number(layout.Number("initial_rank")),
        ["target_r"] = Number(layout.Number("target_rank")),
        ["r"] = Number(layout.Number("initial_rank")),
        ["lora_alpha"] = Number(layout.Number("alpha")),
        ["lora_dropout"] = layout.Number("dropout"),
        ["orth_reg_weight"] = layout.Number("orthogonality"),
        ["beta1"] = layout.Number("beta1"),
        ["beta2"] = layout.Number("beta2"),

        // The schedule belongs to a finished run; one step is the least with which PEFT loads.
        ["total_step"] = 1,
        ["target_modules"] = layout.Modules.Names(layout.Sites("lora_A")),
    };

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout)
    {
        foreach (var (path, shape) in layout.State)
        {
            var at = path.LastIndexOf('.');
            var (site, key) = (path[..at], path[(at + 1)..]);
            if (key is not ("lora_A" or "lora_B" or "lora_E"))
            {
                throw layout.NoPlace($"'{path}'");
            }

            var dim = key == "lora_B" ? 1 : 0;
            var name = layout.Modules.Key(site, "." + key);
            yield return Ranks(layout, site, shape[dim]) is { } ranks ? Spread(name, path, shape, dim, ranks) : ForeignTensor.Renamed(name, path, shape);
        }
    }

    // The rows of A and E and the columns of B that the file has.
    private static long[]? Ranks(PeftLayout layout, string site, long rank)
    {
        if (layout.Fields?.Fields.Nested("rank_pattern") is not { } pattern)
        {
            return null;
        }

        var key = pattern.Keys.FirstOrDefault(k => SiteSelection.EndsWith(k, site + ".lora_E"));
        if (key is null)
        {
            return null;
        }

        var flags = pattern.Items(key).Select(i => i.Value.ValueKind == System.Text.Json.JsonValueKind.True).ToList();
        return flags.Count == rank
            ? [.. flags.Index().Where(f => f.Item).Select(f => (long)f.Index)]
            : throw layout.Fields.Refused("rank_pattern", $"'{key}' has {flags.Count} entries where init_r is {rank}");
    }

    private static ForeignTensor Spread(string name, string path, long[] shape, int dim, long[] ranks)
    {
        long[] stored = [.. shape];
        stored[dim] = ranks.Length;
        return new ForeignTensor(name, stored, _ => throw new InvalidOperationException("only read"), tensor =>
        {
            var whole = Tensor.Zeros(shape, DType.Float32, Device.Cpu);
            for (var i = 0; i < ranks.Length; i++)
            {
                whole.Narrow(dim, ranks[i], 1).Copy_(tensor.Narrow(dim, i, 1).To(DType.Float32));
            }

            return [(path, whole)];
        });
    }
}
