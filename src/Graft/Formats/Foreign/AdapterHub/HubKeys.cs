using System.Globalization;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>
/// The keys of an adapter's tensors: Graft's parameter paths and shapes to AdapterHub's, whichever method they are of, so that unions need
/// nothing of their own. Stateless.
/// </summary>
/// <param name="sites">The backbone's sites.</param>
/// <param name="name">The adapter's name in the keys.</param>
/// <param name="prefix">What every key begins with.</param>
internal sealed class HubKeys(SiteMap sites, string name, string prefix)
{
    private const string SharedPrefix = "shared.prefix.";

    private readonly Dictionary<string, Site> _sites = sites.All
        .Where(s => s is LinearSite or HiddenSite or KeyValueSite or EmbeddingSite).ToDictionary(s => s.Path, StringComparer.Ordinal);

    /// <summary>The tensors that hold an adapter's parameters.</summary>
    /// <param name="parameters">Paths and shapes of all of them.</param>
    /// <exception cref="GraftException">A parameter has no counterpart.</exception>
    public IReadOnlyList<ForeignTensor> Tensors(IEnumerable<(string Path, IReadOnlyList<long> Shape)> parameters)
    {
        var all = parameters.OrderBy(p => p.Path, StringComparer.Ordinal).ToList();
        var dimensions = all.ToDictionary(p => p.Path, p => p.Shape.Count, StringComparer.Ordinal);
        List<ForeignTensor> tensors = [];
        List<(KeyValueSite Site, long Length)> flat = [];
        foreach (var (path, shape) in all)
        {
            if (path.StartsWith(SharedPrefix, StringComparison.Ordinal))
            {
                tensors.Add(ForeignTensor.Renamed(Generator(path), path, shape));
            }
            else if (Shared(path) is { } shared)
            {
                tensors.Add(ForeignTensor.Renamed($"{prefix}shared_parameters.{name}.{shared}", path, shape));
            }
            else
            {
                var (site, key) = Split(path) ?? throw NoKey(path);
                if (site is KeyValueSite attention && key is ("keys" or "values"))
                {
                    if (key == "keys")
                    {
                        flat.Add((attention, shape[0]));
                    }

                    continue;
                }

                tensors.Add(AtSite(site, key, path, shape, dimensions));
                if (key is "norm_before.weight" or "norm_before.bias")
                {
                    tensors.Add(Again($"{Module(site)}.adapter_{key}", path, shape));
                }
            }
        }

        tensors.AddRange(flat.GroupBy(f => HubModel.PrefixLocation(f.Site, sites)).Select(location => Flat(location.Key, [.. location])));
        return tensors;
    }

    /// <summary>The names that older versions wrote instead of a key.</summary>
    /// <param name="key">A key.</param>
    public static IEnumerable<string> Legacy(string key)
    {
        const string Now = ".adapters.";
        var place = key.Contains(".attention.output" + Now, StringComparison.Ordinal) ? "attention" : "layer";
        return key.Contains(Now, StringComparison.Ordinal)
            ? new[] { "task", "lang" }.Select(kind => key.Replace(Now, $".{place}_text_{kind}_adapters.", StringComparison.Ordinal))
            : [];
    }

    /// <summary>Whether a key is the second name of a tensor, which a file may leave out.</summary>
    /// <param name="key">A key.</param>
    public static bool IsSecond(string key) => key.Contains(".adapter_norm_before.", StringComparison.Ordinal);

    private ForeignTensor AtSite(Site site, string key, string path, IReadOnlyList<long> shape, Dictionary<string, int> dimensions)
    {
        ForeignTensor Same(string foreign) => ForeignTensor.Renamed(foreign, path, shape);
        return (site, key) switch
        {
            (LinearSite, "lora_A" or "lora_B" or "gate.weight" or "gate.bias") => Same($"{Module(site)}.{key}"),
            (LinearSite, "scale") => ForeignTensor.Reshaped($"{Module(site)}.lora_B", [shape[0], 1], path, shape),
            (KeyValueSite, "gate.weight" or "gate.bias") => Same($"{Module(site)}.{key["gate.".Length..]}"),
            (EmbeddingSite, "prompt") => Same($"{Module(site)}.prompt_embedding.weight"),
            (HiddenSite, "scaling" or "gate.weight" or "gate.bias") => Same($"{Module(site)}.{key}"),
            (HiddenSite, "norm_before.weight" or "norm_before.bias") => Same($"{Module(site)}.adapter_down.0.{Last(key)}"),
            (HiddenSite hidden, _) when key.StartsWith("fusion.", StringComparison.Ordinal) =>
                Same($"{prefix}{HubModel.BottleneckModule(hidden)}.adapter_fusion_layer.{name}.{key["fusion.".Length..]}"),
            (HiddenSite, "norm_after.weight" or "norm_after.bias") => Same($"{Module(site)}.adapter_{key}"),
            (HiddenSite, _) when Side(site, key, dimensions) is { } side && Projection(key, hypercomplex: dimensions.GetValueOrDefault(site.Path + ".down.weight") != 2) is { } part => Same($"{Module(site)}.{side}.{part}"),
            _ => throw NoKey(path),
        };
    }

    /// <summary>The module that holds a site's parameters.</summary>
    private string Module(Site site) => prefix + site switch
    {
        HiddenSite hidden => $"{HubModel.BottleneckModule(hidden)}.adapters.{name}",
        KeyValueSite => $"{site.Path}.prefix_tuning.prefix_gates.{name}",
        EmbeddingSite => $"prompt_tuning.prompt_tunings.{name}",
        _ => $"{site.Path}.loras.{name}",
    };

    // The tensors of a bottleneck's projection: dense (a matrix and a bias) or hypercomplex (two thin factors or n blocks of weights, unless
    // they are shared, a bias, and a rule unless it is shared).
    private static string? Projection(string key, bool hypercomplex) => key[(key.IndexOf('.', StringComparison.Ordinal) + 1)..] switch
    {
        "weight" => hypercomplex ? "W" : "weight",
        "bias" => hypercomplex ? "b" : "bias",
        "left" => "W_left",
        "right" => "W_right",
        "rule.weight" => "phm_rule",
        "rule.left" => "phm_rule_left",
        "rule.right" => "phm_rule_right",
        _ => null,
    };

    // The down-projection is the first layer of a sequence, or the second behind a norm.
    private static string? Side(Site site, string key, Dictionary<string, int> dimensions) =>
        key.StartsWith("up.", StringComparison.Ordinal) ? "adapter_up"
        : !key.StartsWith("down.", StringComparison.Ordinal) ? null
        : dimensions.ContainsKey(site.Path + ".norm_before.weight") ? "adapter_down.1"
        : "adapter_down.0";

    /// <summary>One list of numbers with the keys and values of every attention of a location: [P, layers, 2, H·D].</summary>
    private ForeignTensor Flat(string location, IReadOnlyList<(KeyValueSite Site, long Length)> attentions)
    {
        var ordered = attentions.OrderBy(a => a.Site.Layer).Select(a => a.Site).ToList();
        var (length, width, layers) = (attentions[0].Length, (long)ordered[0].Heads * ordered[0].HeadSize, ordered.Count);
        return new ForeignTensor(
            $"{prefix}prefix_tuning.prefix_tunings.{name}.{location}.control_trans",
            [length * layers * 2 * width],
            weights => Tensor.Stack([.. ordered.SelectMany(s => new[] { weights[s.Path + ".keys"], weights[s.Path + ".values"] })], 1).Contiguous().Reshape(-1),
            numbers =>
            {
                var all = numbers.Reshape(length, layers * 2, width);
                return ordered.SelectMany((s, at) => new[]
                {
                    (s.Path + ".keys", all.Select(1, 2 * at).Contiguous()), (s.Path + ".values", all.Select(1, (2 * at) + 1).Contiguous()),
                });
            });
    }

    // What a Compacter's layers share.
    private static string? Shared(string path) => path switch
    {
        "shared.phm_rule.weight" => "phm_rule",
        "shared.phm_rule.left" => "phm_rule_left",
        "shared.phm_rule.right" => "phm_rule_right",
        "shared.phm_down.weight" => "W_down",
        "shared.phm_down.left" => "W_down_left",
        "shared.phm_down.right" => "W_down_right",
        "shared.phm_up.weight" => "W_up",
        "shared.phm_up.left" => "W_up_left",
        "shared.phm_up.right" => "W_up_right",
        _ => null,
    };

    private string Generator(string path)
    {
        var parts = path[SharedPrefix.Length..].Split('.');
        var location = sites.All.OfType<KeyValueSite>()
            .First(s => parts[0] == (s.Sublayer == SiteRole.CrossAttention ? "cross" : s.Stack == StackKind.Encoder ? "encoder" : "decoder"));
        return $"{prefix}prefix_tuning.prefix_tunings.{name}.{HubModel.PrefixLocation(location, sites)}." + parts[1..] switch
        {
            ["embedding", "weight"] => "wte.weight",
            ["mlp", "0" or "2", "weight" or "bias"] => $"control_trans.{parts[2]}.{parts[3]}",
            _ => throw NoKey(path),
        };
    }

    // The library registers the norm in front of a bottleneck under two names; both are written, one is read.
    private static ForeignTensor Again(string key, string path, IReadOnlyList<long> shape) => new(key, shape, weights => weights[path], _ => []);

    private (Site Site, string Key)? Split(string path)
    {
        for (var at = path.LastIndexOf('.'); at > 0; at = path.LastIndexOf('.', at - 1))
        {
            if (_sites.TryGetValue(path[..at], out var site))
            {
                return (site, path[(at + 1)..]);
            }
        }

        return null;
    }

    private static string Last(string key) => key[(key.LastIndexOf('.') + 1)..];

    private static GraftException NoKey(string path) => new(string.Create(
        CultureInfo.InvariantCulture, $"AdapterHub has no counterpart of the parameter '{path}'; keep the adapter as a package of Graft."));
}
