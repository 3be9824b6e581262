using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What a method is and costs on a backbone, with its default settings.</summary>
/// <param name="Method">The method.</param>
/// <param name="Settings">Its settings with their defaults.</param>
/// <param name="ActsAt">Where it puts parts; null where <paramref name="Needs"/> says why it cannot be attached.</param>
/// <param name="TrainedParameters">Trained parameters, without the head; null likewise.</param>
/// <param name="StoredParameters">Parameters that a package of one task keeps, without the head; null likewise.</param>
/// <param name="BytesPerTask">Their bytes in float32; of a method whose adapters hold several tasks, the bytes of what is one task's alone; null likewise.</param>
/// <param name="SharedBytes">The bytes of what the tasks of one adapter share; 0 for methods whose adapters hold one task; null likewise.</param>
/// <param name="Merges">Whether it folds into the backbone's weights; null likewise.</param>
/// <param name="MixedBatch">Whether rows of other adapters in the batch leave its answers as they are.</param>
/// <param name="Needs">What has to be set before it can be attached, in its own words; null where nothing.</param>
public sealed record MethodRow(
    PeftMethod Method, JsonObject Settings, string? ActsAt, long? TrainedParameters, long? StoredParameters, long? BytesPerTask, long? SharedBytes, bool? Merges,
    bool MixedBatch, string? Needs)
{
    /// <summary>The row as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["name"] = Method.Name,
        ["summary"] = Method.Summary,
        ["source"] = Method.Source,
        ["actsAt"] = ActsAt,
        ["trainedParameters"] = TrainedParameters,
        ["storedParameters"] = StoredParameters,
        ["bytesPerTask"] = BytesPerTask,
        ["sharedBytes"] = SharedBytes,
        ["holdsTasks"] = Method.SharesAcrossTasks,
        ["merges"] = Merges,
        ["mixedBatch"] = MixedBatch,
        ["startsAsBackbone"] = Method.IsIdentityAtStart(Method.Defaults),
        ["learningRate"] = Method.DefaultLearningRate,
        ["needs"] = Needs,
        ["settings"] = Settings.DeepClone(),
    };
}

/// <summary>
/// The registry of methods with what each costs on a backbone: what <c>graft methods</c> prints. Everything is asked of the methods
/// themselves, attached to a backbone of that shape without weights; nothing is kept in a list. Stateless.
/// </summary>
public static class MethodSheet
{
    private const int BytesPerParameter = 4;

    /// <summary>The shape of the default backbone, for machines on which it has not been pulled.</summary>
    private static readonly BackboneConfig s_default = new("bert", 384, 6, 12, 1536, 30522, 512);

    /// <summary>Describes methods on a backbone.</summary>
    /// <param name="source">The backbone: a model that was pulled, or a folder with <c>config.json</c>; null for the default one, pulled or not.</param>
    /// <param name="names">The methods; empty for all.</param>
    /// <exception cref="GraftException">There is no such method, or the backbone is not there.</exception>
    public static IReadOnlyList<MethodRow> Describe(string? source = null, params IReadOnlyList<string> names)
    {
        var methods = names.Count == 0 ? PeftMethods.All.ToList() : [.. names.Select(PeftMethods.Get)];
        using var backbone = source is null
            ? new Bert(s_default, new BertConfig(s_default.MaxTokens), WeightSource.OfShape())
            : Backbone.OfShape(ModelSources.Resolve(source));
        return [.. methods.Select(m => Describe(m, backbone))];
    }

    private static MethodRow Describe(PeftMethod method, Backbone backbone)
    {
        var config = method.Defaults;
        var settings = method.WriteConfig(config);
        var mixed = !method.ReadsPadding(config);
        using var rng = new Rng(0);
        try
        {
            using var adapter = method.Attach(backbone, method.Name, config, rng);
            var stored = CompactForm.CountParameters(adapter, backbone.Sites);
            var (own, shared) = method.SharesAcrossTasks ? Split(method, backbone) : (stored * BytesPerParameter, 0);
            return new MethodRow(
                method, settings, Places(adapter, backbone.Sites), method.CountParameters(config, backbone.Sites), stored, own, shared,
                WeightMerger.CanMerge(adapter, backbone), mixed, null);
        }
        catch (GraftException e)
        {
            return new MethodRow(method, settings, null, null, null, null, null, null, mixed, e.Message);
        }
    }

    /// <summary>The bytes of a stored adapter that are one task's alone, and those that its tasks share.</summary>
    private static (long Own, long Shared) Split(PeftMethod method, Backbone backbone)
    {
        using var rng = new Rng(0);
        using var adapter = method.Attach(backbone, method.Name, method.Stored(method.Defaults), rng);
        var bytes = CompactForm.State(adapter).ToLookup(s => adapter.TaskOf(s.Path) is not null, s => s.Value.Count * s.Value.DType.SizeOf());
        return (bytes[true].Sum(), bytes[false].Sum());
    }

    /// <summary>Where an adapter has parts, in words.</summary>
    private static string Places(Adapter adapter, SiteMap sites)
    {
        var touched = sites.All.Where(s => !adapter.Parts.At(s).IsEmpty).ToList();
        if (touched.Count == 0)
        {
            return "the head alone";
        }

        if (sites.Parameters.All(touched.Contains))
        {
            return "every parameter";
        }

        IEnumerable<string> places =
        [
            .. Words("", touched.OfType<LinearSite>(), SiteRole.AllLinear, "every linear map"),
            .. Words("", touched.OfType<HiddenSite>(), SiteRole.None, ""),
            .. Words("prefix of ", touched.OfType<KeyValueSite>(), SiteRole.None, ""),
            .. touched.OfType<EmbeddingSite>().Take(1).Select(_ => "in front of the text"),
            .. touched.OfType<ParameterSite>().Select(Kind).Distinct(StringComparer.Ordinal),
        ];
        return string.Join(", ", places);
    }

    private static IEnumerable<string> Words(string before, IEnumerable<Site> sites, SiteRole all, string allWords)
    {
        var roles = sites.Aggregate(SiteRole.None, (sum, site) => sum | site.Role);

        // Backbones without a gated feed-forward have every role of a block but that one.
        return roles == SiteRole.None ? []
            : all != SiteRole.None && (roles | SiteRole.FeedForwardGate) == all ? [allWords]
            : [before + SiteRoleJson.Text(roles).Replace('_', ' ')];
    }

    private static string Kind(ParameterSite site) => site.Kind switch
    {
        ParameterKind.Bias => "biases",
        ParameterKind.NormGain or ParameterKind.NormBias => "norms",
        ParameterKind.Embedding => "embeddings",
        _ => "weights",
    };
}
