using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft;

/// <summary>What a mapping looks at when it names tensors. Immutable.</summary>
/// <param name="Method">The name of the method.</param>
/// <param name="Config">The settings as the method reads them, every value written.</param>
/// <param name="State">The paths and shapes of the adapter's parameters and stored buffers.</param>
/// <param name="Adapter">The adapter that the settings make; its values are the initial ones.</param>
/// <param name="Modules">The names of the backbone's modules in the wrapped model.</param>
/// <param name="File">The file that is read, or null when one is written.</param>
/// <param name="Fields">The configuration that is read, or null when one is written.</param>
internal sealed record PeftLayout(
    string Method, JsonObject Config, IReadOnlyDictionary<string, long[]> State, Adapter Adapter, PeftModules Modules, SafetensorsFile? File, PeftConfigFile? Fields)
{
    /// <summary>The linear maps at which the adapter has a parameter of this name.</summary>
    /// <param name="key">The parameter's name at its site.</param>
    public IReadOnlyList<LinearSite> Sites(string key) =>
        [.. Modules.Backbone.Sites.Linear(SiteRole.AllLinear).Where(s => State.ContainsKey($"{s.Path}.{key}"))];

    /// <summary>A text setting.</summary>
    /// <param name="name">The setting.</param>
    public string Text(string name) => (string)Config[name]!;

    /// <summary>A setting that is a number.</summary>
    /// <param name="name">The setting.</param>
    public double Number(string name) => Config[name]!.GetValue<double>();

    /// <summary>A setting that is true or false.</summary>
    /// <param name="name">The setting.</param>
    public bool Flag(string name) => (bool)Config[name]!;

    /// <summary>An error about what HF PEFT has no place for.</summary>
    /// <param name="what">What it is, such as <c>a gate</c>.</param>
    /// <param name="remedy">What to do.</param>
    public GraftException NoPlace(string what, string remedy = "keep the package as it is") =>
        new($"HF PEFT has no place for {what}, which this {Method} adapter has; {remedy}.");
}

/// <summary>How one method of HF PEFT and the methods of Graft that compute the same are written as each other. Stateless.</summary>
internal abstract class PeftMapping
{
    private static readonly PeftMapping[] s_all =
    [
        new Mappings.AdaLoraMapping(), new Mappings.Ia3Mapping(), new Mappings.LayerNormMapping(), new Mappings.LoraMapping(), new Mappings.PrefixMapping(),
        new Mappings.PromptMapping(), new Mappings.PTuningMapping(), new Mappings.VeraMapping(),
    ];

    /// <summary>The names of the methods of HF PEFT that can be read.</summary>
    public static IReadOnlyList<string> PeftTypes => [.. s_all.Select(m => m.PeftType)];

    /// <summary>The method's name in HF PEFT, such as <c>LORA</c>.</summary>
    public abstract string PeftType { get; }

    /// <summary>The names of Graft's methods that are written as this one.</summary>
    public abstract IReadOnlyList<string> Methods { get; }

    /// <summary>The fields of <c>adapter_config.json</c>.</summary>
    public abstract IReadOnlyList<PeftField> Fields { get; }

    /// <summary>What precedes the keys of the head.</summary>
    public virtual string HeadRoot => PeftModules.Root;

    /// <summary>Whether the configuration has <c>modules_to_save</c>; without it, PEFT saves the classifier alone.</summary>
    public virtual bool NamesSavedModules => true;

    /// <summary>Why a head cannot go with this method, or null.</summary>
    public virtual string? RefusesHead => null;

    /// <summary>The mapping for a method of HF PEFT.</summary>
    /// <param name="config">The configuration.</param>
    /// <exception cref="GraftException">Graft has no such method.</exception>
    public static PeftMapping For(PeftConfigFile config) => Array.Find(s_all, m => m.PeftType == config.PeftType)
        ?? throw config.Refused("peft_type", $"Graft has no method that computes the same (it reads {string.Join(", ", PeftTypes)})");

    /// <summary>The mapping for a method of Graft.</summary>
    /// <param name="method">Its name.</param>
    /// <exception cref="GraftException">HF PEFT has no such method.</exception>
    public static PeftMapping For(string method) => Array.Find(s_all, m => m.Methods.Contains(method, StringComparer.Ordinal)) ?? throw new GraftException(
        $"HF PEFT has no method that computes what '{method}' does (it has {string.Join(", ", s_all.SelectMany(m => m.Methods).Order(StringComparer.Ordinal))}); keep the package, or convert it to another format.");

    /// <summary>Reads the method and its settings.</summary>
    /// <param name="config">The configuration, already checked for values that Graft refuses.</param>
    /// <param name="modules">The names of the backbone's modules.</param>
    /// <param name="file">The weights.</param>
    /// <exception cref="GraftException">A value is missing, malformed or asks for what Graft does not have.</exception>
    public abstract (string Method, JsonObject Config) Read(PeftConfigFile config, PeftModules modules, SafetensorsFile file);

    /// <summary>The values of the method's own fields.</summary>
    /// <param name="layout">The adapter.</param>
    /// <exception cref="GraftException">HF PEFT has no place for something of it.</exception>
    public abstract Dictionary<string, JsonNode?> Write(PeftLayout layout);

    /// <summary>Every tensor of the adapter.</summary>
    /// <param name="layout">The adapter.</param>
    /// <exception cref="GraftException">HF PEFT has no place for a parameter.</exception>
    public abstract IEnumerable<ForeignTensor> Tensors(PeftLayout layout);

    /// <summary>A number as PEFT writes it: whole numbers without a point.</summary>
    /// <param name="value">The number.</param>
    protected static JsonNode Number(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? JsonValue.Create((long)value) : JsonValue.Create(value);
}
