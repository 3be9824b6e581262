using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>
/// VeRA. The shared matrices are always written, so that no other random generator is relied upon; those of a file are kept as they are.
/// </summary>
internal sealed class VeraMapping : PeftMapping
{
    private const string Shared = "shared.projection.";

    /// <inheritdoc/>
    public override string PeftType => "VERA";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => ["vera"];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } =
    [
        .. PeftField.Common, .. PeftField.Modules, .. PeftField.Layers,
        new("bias", "\"none\"", PeftFieldUse.DefaultOnly),
        new("d_initial", "0.1"),
        new("fan_in_fan_out", "false", PeftFieldUse.DefaultOnly),
        new("init_weights", "true", PeftFieldUse.Free),
        new("projection_prng_key", "0"),
        new("r", "256"),
        new("save_projection", "true"),
        new("vera_dropout", "0.0"),
    ];

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        var fields = config.Fields;
        var settings = new JsonObject
        {
            ["rank"] = config.Positive("r"),
            ["initial_d"] = fields.Number("d_initial", 0.1),
            ["dropout"] = fields.Number("vera_dropout", 0),
            ["projection_seed"] = fields.Whole("projection_prng_key", 0),
            ["projection"] = fields.Flag("save_projection", true) || file.Contains("base_model.vera_A") ? "stored" : "seed",
        };
        SiteSelection.Describe(settings, modules.Backbone, ("targets", modules.Select(config, ["query", "value"])));
        return ("vera", settings);
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout) => new(StringComparer.Ordinal)
    {
        ["r"] = Number(layout.Number("rank")),
        ["d_initial"] = layout.Number("initial_d"),
        ["vera_dropout"] = layout.Number("dropout"),
        ["projection_prng_key"] = Number(layout.Number("projection_seed")),
        ["save_projection"] = true,
        ["target_modules"] = layout.Modules.Names(layout.Sites("lambda_d")),
    };

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout)
    {
        foreach (var (path, shape) in layout.State.Where(s => !s.Key.StartsWith(Shared, StringComparison.Ordinal)))
        {
            var at = path.LastIndexOf('.');
            yield return path[(at + 1)..] is "lambda_d" or "lambda_b"
                ? ForeignTensor.Renamed(layout.Modules.Key(path[..at], $".vera_{path[(at + 1)..]}"), path, shape)
                : throw layout.NoPlace($"'{path}'");
        }

        foreach (var (path, buffer) in layout.Adapter.NamedBuffers().Where(b => b.Path.StartsWith(Shared, StringComparison.Ordinal)))
        {
            var key = $"base_model.vera_{path[Shared.Length..]}";
            var shape = buffer.Value.Shape.ToArray();
            if (layout.State.ContainsKey(path))
            {
                yield return ForeignTensor.Renamed(key, path, shape);
            }
            else if (layout.File?.Contains(key) != false)
            {
                yield return Seeded(layout, key, shape, buffer.Value.Clone().Unscoped());
            }
        }
    }

    // The matrix follows from the seed and is no part of Graft's package, so a file has to have the same.
    private static ForeignTensor Seeded(PeftLayout layout, string key, long[] shape, Tensor drawn) => new(key, shape, _ => drawn, found => found.ElementsEqual(drawn)
        ? []
        : throw new GraftException($"'{layout.File!.FilePath}': '{key}' is not what the seed {layout.Config["projection_seed"]} draws; take config and weights from the same adapter."));
}
