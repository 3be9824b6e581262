using System.Text.RegularExpressions;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Methods.Merging;

/// <summary>An adapter and its weight in a merge.</summary>
/// <param name="Adapter">A LoRA adapter without gate and biases.</param>
/// <param name="Weight">Any finite number, negative ones too.</param>
public readonly record struct WeightedAdapter(Adapter Adapter, double Weight);

/// <summary>A merged adapter, and how far it is from the exact result.</summary>
/// <param name="Adapter">The adapter; the caller disposes it.</param>
/// <param name="RelativeErrors">By the path of each map, ‖ΔW - B A‖ / ‖ΔW‖ in the Frobenius norm; zero where the rank holds the result.</param>
public sealed record MergedLora(Adapter Adapter, IReadOnlyDictionary<string, double> RelativeErrors);

/// <summary>
/// Merges LoRA adapters into one. All kinds combine the updates <c>ΔW = s B A</c> themselves, not their factors (whose sums hold cross terms
/// B₁ A₂ that no adapter has), so that every kind is linear in the weights and one adapter at weight 1 is itself. What one LoRA
/// adapter cannot hold is refused.
/// </summary>
public static class LoraMerge
{
    /// <summary>Merges adapters.</summary>
    /// <param name="backbone">The backbone they were made for.</param>
    /// <param name="name">The name of the result.</param>
    /// <param name="adapters">The adapters with their weights, at least one; not changed.</param>
    /// <param name="settings">How; null for the exact weighted sum.</param>
    /// <exception cref="GraftException">The settings contradict each other, or an adapter holds what one LoRA adapter cannot.</exception>
    public static MergedLora Merge(
        Backbone backbone, string name, IReadOnlyList<WeightedAdapter> adapters, LoraMergeSettings? settings = null)
    {
        settings ??= new LoraMergeSettings();
        Check(settings);
        var parts = adapters.Select(a => Parts(backbone, a)).ToList();
        var sites = SharedSites(adapters, parts);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(settings.Seed, Device.Cpu);
        var weights = adapters.Select(a => a.Weight).ToList();
        var rank = settings.Rank ?? (settings.Kind == LoraMergeKind.Svd ? parts.Max(p => p.Values.Max(f => f.Rank)) : null);
        var factors = sites.ToDictionary(s => s, s => Combine([.. parts.Select(p => p[s].Factors())], weights, settings, rank, rng));
        return new MergedLora(
            Build(backbone, name, (LoraConfig)adapters[0].Adapter.Config, factors),
            factors.ToDictionary(f => f.Key.Path, f => f.Value.RelativeError, StringComparer.Ordinal));
    }

    private static void Check(LoraMergeSettings settings)
    {
        if (settings.Rank is <= 0)
        {
            throw new GraftException($"The rank of a merge is {settings.Rank}, expected at least 1.");
        }

        if (settings is { Kind: LoraMergeKind.Cat, Rank: not null })
        {
            throw new GraftException("A merge by cat adds up the ranks and takes none; leave the rank out, or merge by svd.");
        }

        if (settings.DropsElements != settings.Density is not null)
        {
            throw new GraftException(settings.DropsElements
                ? $"A merge by {settings.Kind} drops elements and needs the share to keep; give a density in (0, 1]."
                : $"A merge by {settings.Kind} keeps every element and takes no density; leave it out.");
        }

        if (settings.Density is { } density and not (> 0 and <= 1))
        {
            throw new GraftException($"The density of a merge is {density}, expected a share in (0, 1].");
        }
    }

    private static Dictionary<LinearSite, LoraPart> Parts(Backbone backbone, WeightedAdapter weighted)
    {
        var (adapter, weight) = weighted;
        if (!double.IsFinite(weight))
        {
            throw new GraftException($"The weight of '{adapter.Name}' is {weight}, expected a finite number.");
        }

        if (adapter.Config is not LoraConfig config)
        {
            throw new GraftException(
                $"'{adapter.Name}' is a {adapter.Method.Name} adapter, and only lora adapters add up to one adapter; merge it into the weights instead.");
        }

        var obstacle = config switch
        {
            { Gate: not GateMode.None } => "a gate, whose value depends on the input",
            { LoraBias: true } => "a bias of its updates",
            { Bias: not TrainedBiases.None } => "trained biases of the backbone",
            _ => null,
        };
        if (obstacle is not null)
        {
            throw new GraftException($"'{adapter.Name}' has {obstacle}, which a sum of low-rank updates cannot hold; use the adapter as it is.");
        }

        var parts = new Dictionary<LinearSite, LoraPart>();
        foreach (var site in backbone.Sites.Linear(SiteRole.AllLinear))
        {
            foreach (var part in adapter.Parts.At(site))
            {
                parts.Add(site, (LoraPart)part);
            }
        }

        return parts;
    }

    private static List<LinearSite> SharedSites(IReadOnlyList<WeightedAdapter> adapters, IReadOnlyList<Dictionary<LinearSite, LoraPart>> parts)
    {
        if (parts.Count == 0)
        {
            throw new GraftException("A merge needs at least one adapter.");
        }

        for (var i = 1; i < parts.Count; i++)
        {
            var one = parts[0].Keys.Except(parts[i].Keys).Concat(parts[i].Keys.Except(parts[0].Keys)).FirstOrDefault();
            if (one is not null)
            {
                throw new GraftException(
                    $"'{adapters[0].Adapter.Name}' and '{adapters[i].Adapter.Name}' act at different maps, '{one.Path}' is one of only one of them; merge adapters with the same targets.");
            }
        }

        return [.. parts[0].Keys];
    }

    private static LowRankFactors Combine(
        IReadOnlyList<(Tensor A, Tensor B)> updates, IReadOnlyList<double> weights, LoraMergeSettings settings, int? rank, Rng rng)
    {
        if (settings.DropsElements)
        {
            return LowRankFactors.Of(DeltaCombination.Combine([.. updates.Select(u => u.B.MatMul(u.A))], weights, settings, rng), rank);
        }

        var a = Tensor.Cat([.. updates.Select(u => u.A)], 0);
        var b = Tensor.Cat([.. updates.Zip(weights, (u, w) => u.B * w)], 1);
        return settings.Kind == LoraMergeKind.Cat ? new LowRankFactors(a, b, 0) : LowRankFactors.Of(a, b, rank);
    }

    private static Adapter Build(Backbone backbone, string name, LoraConfig template, Dictionary<LinearSite, LowRankFactors> factors)
    {
        // α equals the rank everywhere: the scaling is 1 and the factors hold the update itself.
        var ranks = factors.Select(f => KeyValuePair.Create(Regex.Escape(f.Key.Path), (double)f.Value.Rank)).ToList();
        var rank = (int)ranks.Max(r => r.Value);
        var pattern = ranks.TrueForAll(r => r.Value == rank) ? PathNumbers.None : new PathNumbers(ranks);
        var config = template with { Rank = rank, Alpha = rank, UseRslora = false, RankPattern = pattern, AlphaPattern = pattern };
        using var unused = new Rng(0, Device.Cpu);
        var adapter = PeftMethods.Get("lora").Attach(backbone, name, config, unused);
        foreach (var (site, factor) in factors)
        {
            ((LoraPart)adapter.Parts.At(site)[0]).Assign(factor.A, factor.B);
        }

        return adapter;
    }
}
