using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Compositions;

/// <summary>No settings: a composition is made from adapters, not from a file.</summary>
internal sealed record CompositionConfig : PeftConfig;

/// <summary>What stands for the method of a composition: it has no settings and cannot be attached or saved.</summary>
/// <param name="kind">The composition's kind, such as <c>stack</c>.</param>
/// <param name="adapters">What it is made of.</param>
internal sealed class Composition(string kind, IReadOnlyList<Adapter> adapters) : PeftMethod
{
    public override string Name => kind;

    public override string Summary => $"a composition of {string.Join(", ", adapters.Select(a => a.Name))}";

    public override string Source => "Pfeiffer et al. 2020, arXiv 2007.07779";

    public override PeftConfig Defaults { get; } = new CompositionConfig();

    public override bool MayRest(PeftConfig config) => adapters.Any(a => a.Method.MayRest(a.Config));

    /// <summary>Virtual tokens of a stack stand in a row; those of a mean or of branches take the same positions.</summary>
    public override int PositionsTaken(PeftConfig config) => kind == "stack"
        ? adapters.Sum(a => a.Method.PositionsTaken(a.Config))
        : adapters.Max(a => a.Method.PositionsTaken(a.Config));

    public override bool ReadsPadding(PeftConfig config) => adapters.Any(a => a.Method.ReadsPadding(a.Config));

    public override PeftConfig ReadConfig(JsonObject? settings, string source) => throw Unsaved();

    public override JsonObject WriteConfig(PeftConfig config) => throw Unsaved();

    public override long CountParameters(PeftConfig config, SiteMap sites, int tasks = 1) => 0;

    public override Adapter Attach(Backbone backbone, string name, PeftConfig config, Rng rng, IReadOnlyList<string>? tasks = null) => throw Unsaved();

    internal override void AttachTo(AdapterBuilder builder, PeftConfig config) => throw Unsaved();

    private GraftException Unsaved() => new($"The composition '{kind}' is a value without settings or weights of its own; save the adapters it is made of and compose them anew.");
}
