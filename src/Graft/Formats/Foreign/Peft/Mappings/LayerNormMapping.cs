using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>Layer-norm tuning: whole norms, gain and bias, under <c>ln_tuning_layers</c>.</summary>
internal sealed class LayerNormMapping : PeftMapping
{
    /// <inheritdoc/>
    public override string PeftType => "LN_TUNING";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => ["ln-tuning"];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } = [.. PeftField.Common, .. PeftField.Modules];

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        var norms = Norms(modules).ToList();
        var chosen = norms.Where(n => PeftModules.Selects(config, modules.Prefix + n.Path, ["LayerNorm", "layer_norm", "final_layer_norm"])).ToList();
        var sublayers = chosen.Where(n => n.Site.Layer >= 0).Aggregate(SiteRole.None, (sum, n) => sum | n.Site.Sublayer);
        var embeddings = chosen.Exists(n => n.Site.Layer < 0);
        var leftOut = norms.Select(n => n.Site.Layer).Where(l => l >= 0).Distinct().Where(l => !chosen.Exists(n => n.Site.Layer == l)).Order().ToList();
        var meant = norms.Where(n => n.Site.Layer < 0 ? embeddings : (n.Site.Sublayer & sublayers) != 0 && !leftOut.Contains(n.Site.Layer));
        if (chosen.Count == 0 || !meant.SequenceEqual(chosen))
        {
            throw config.Refused("target_modules", "Graft tunes the norms of sublayers in the same way in all blocks that it does not leave out");
        }

        return ("ln-tuning", new JsonObject
        {
            // A method that leaves out every block still names the sublayers it would tune.
            ["sublayers"] = SiteRoleJson.Text(sublayers == SiteRole.None ? SiteRole.AllSublayers : sublayers),
            ["embeddings"] = embeddings,
            ["gains"] = true,
            ["biases"] = true,
            ["leave_out"] = new JsonArray([.. leftOut.Select(l => (JsonNode?)l)]),
        });
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout)
    {
        if (!layout.Flag("gains") || !layout.Flag("biases"))
        {
            throw layout.NoPlace("norms of which only gains or only biases are trained", "train with gains=true and biases=true");
        }

        var all = Norms(layout.Modules).Select(n => n.Path).ToList();
        var chosen = all.Where(n => layout.State.ContainsKey($"{n}.weight.value")).ToList();
        return new Dictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["target_modules"] = new JsonArray([.. SiteSelection.ShortestNames(chosen, [.. all.Except(chosen, StringComparer.Ordinal)]).Select(n => (JsonNode?)n)]),
        };
    }

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout)
    {
        foreach (var (path, shape) in layout.State)
        {
            var norm = Norms(layout.Modules).FirstOrDefault(n => path == $"{n.Path}.weight.value" || path == $"{n.Path}.bias.value").Path ?? throw layout.NoPlace($"'{path}'");
            yield return ForeignTensor.Renamed(layout.Modules.Key(norm, $".ln_tuning_layers{path[norm.Length..^".value".Length]}"), path, shape);
        }
    }

    private static IEnumerable<(string Path, ParameterSite Site)> Norms(PeftModules modules) => modules.Backbone.Sites.Parameters
        .Where(p => p.Kind == ParameterKind.NormGain).Select(p => (p.Path[..p.Path.LastIndexOf('.')], p));
}
