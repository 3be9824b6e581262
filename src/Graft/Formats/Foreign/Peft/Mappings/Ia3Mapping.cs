using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>(IA)3: <c>feedforward_modules</c> are those of the targets whose input is scaled, [1, In]; the others' output is, [Out, 1].</summary>
internal sealed class Ia3Mapping : PeftMapping
{
    private static readonly string[] s_targets = ["key", "value", "output.dense"];
    private static readonly string[] s_inputs = ["output.dense"];

    /// <inheritdoc/>
    public override string PeftType => "IA3";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Methods => ["ia3"];

    /// <inheritdoc/>
    public override IReadOnlyList<PeftField> Fields { get; } =
    [
        .. PeftField.Common, .. PeftField.Modules,
        new("fan_in_fan_out", "false", PeftFieldUse.DefaultOnly),
        new("feedforward_modules", "null"),
        new("init_ia3_weights", "true", PeftFieldUse.Free),
    ];

    /// <inheritdoc/>
    public override (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file)
    {
        var sites = modules.Select(config, s_targets);
        var inputs = sites.Where(s => IsInput(config, modules.Prefix + s.Path)).ToList();
        var settings = new JsonObject { ["gate"] = "none" };
        return SiteSelection.Describe(settings, modules.Backbone, ("targets", [.. sites.Except(inputs)]), ("input_targets", inputs))
            ? ("ia3", settings)
            : throw config.Refused("feedforward_modules", "Graft scales inputs or outputs of a role in all of its blocks alike");
    }

    /// <inheritdoc/>
    public override Dictionary<string, JsonNode?> Write(PeftLayout layout)
    {
        if (layout.Text("gate") != "none")
        {
            throw layout.NoPlace("a gate", "train with gate=none, or convert to adapterhub");
        }

        var sites = layout.Sites("scale");
        var inputs = sites.Where(s => ScalesInput(layout, s)).ToList();
        var outputs = sites.Except(inputs).ToList();

        // PEFT compares ends of names here, not of whole parts ("0.output.dense" ends "10.output.dense"), and wants the same names among the targets.
        var names = Texts(layout.Modules.Names(inputs));
        if (outputs.Any(s => names.Any(n => (layout.Modules.Prefix + s.Path).EndsWith(n, StringComparison.Ordinal))))
        {
            names = [.. inputs.Select(s => layout.Modules.Prefix + s.Path)];
        }

        return new Dictionary<string, JsonNode?>(StringComparer.Ordinal)
        {
            ["target_modules"] = List(Texts(layout.Modules.Names(outputs)).Concat(names)),
            ["feedforward_modules"] = List(names),
        };
    }

    /// <inheritdoc/>
    public override IEnumerable<ForeignTensor> Tensors(PeftLayout layout)
    {
        foreach (var site in layout.Sites("scale"))
        {
            var (path, input) = ($"{site.Path}.scale", ScalesInput(layout, site));
            yield return ForeignTensor.Reshaped(
                layout.Modules.Key(site.Path, ".ia3_l"), input ? [1, site.In] : [site.Out, 1], path, layout.State[path]);
        }
    }

    private static bool ScalesInput(PeftLayout layout, LinearSite site) => site.Matches(SiteRoleJson.Roles(layout.Text("input_targets")));

    private static bool IsInput(PeftConfigFile config, string module) => config.Json("feedforward_modules") is JsonArray list
        ? list.Any(n => n is JsonValue v && v.TryGetValue<string>(out var end) && module.EndsWith(end, StringComparison.Ordinal))
        : PeftModules.Matches(config, "feedforward_modules", module, s_inputs);

    private static List<string> Texts(JsonArray names) => [.. names.Select(n => (string)n!)];

    private static JsonArray List(IEnumerable<string> names) => [.. names.Order(StringComparer.Ordinal).Select(n => (JsonNode?)n)];
}
