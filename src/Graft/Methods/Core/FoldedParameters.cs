using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Receives a parameter of the backbone and what an adapter makes of it.</summary>
/// <param name="site">The parameter's site; its parameter is null for a bias that the architecture lacks.</param>
/// <param name="original">The frozen value, or null where there is none.</param>
/// <param name="folded">The value with the adapter folded in; both live as long as the call.</param>
internal delegate void FoldedParameter(ParameterSite site, Tensor? original, Tensor folded);

/// <summary>The values of the backbone's parameters with an adapter folded in, as far as its parts can be folded.</summary>
internal static class FoldedParameters
{
    /// <summary>Visits every parameter that the adapter changes; one that is replaced and at a map that is adapted too, twice, the second time with both.</summary>
    /// <param name="adapter">An adapter of one task; parts that cannot be folded are left aside.</param>
    /// <param name="dtype">The type to compute in; null for that of the frozen weights.</param>
    /// <param name="visit">Receives each.</param>
    public static void Visit(Adapter adapter, DType? dtype, FoldedParameter visit)
    {
        using var frozen = Autograd.NoGrad();
        var rows = new RowGroup(0, 1, adapter.Parts, adapter.Tasks is [var only] ? only : null);
        _ = new AdapterPass([rows], training: false, rng: null);
        foreach (var site in adapter.Parts.Sites.Parameters.Where(s => !adapter.Parts.At(s).IsEmpty))
        {
            using var scope = new TensorScope();
            var original = Original(site);
            visit(site, original, Replaced(site, original)!);
        }

        foreach (var site in adapter.Parts.Sites.Linear(SiteRole.AllLinear))
        {
            var parts = adapter.Parts.At(site).ToArray();
            if (parts.Length == 0 || !parts.All(p => p is IMergeable { CanMerge: true }))
            {
                continue;
            }

            using var scope = new TensorScope();
            var (weight, bias) = (Original(site.Weight)!, Original(site.Bias));
            var (foldedWeight, foldedBias) = parts.Cast<IMergeable>().Aggregate(
                (Weight: Replaced(site.Weight, weight)!, Bias: Replaced(site.Bias, bias)), (values, part) => part.Merge(values.Weight, values.Bias));
            VisitChanged(site.Weight, weight, foldedWeight);
            VisitChanged(site.Bias, bias, foldedBias);
        }

        Tensor? Original(ParameterSite site) => site.Parameter?.Value is { } value ? value.To(dtype ?? value.DType) : null;

        Tensor? Replaced(ParameterSite site, Tensor? value)
        {
            foreach (var part in adapter.Parts.At(site))
            {
                value = ((ParameterPart)part).Value(rows, value);
            }

            return value;
        }

        void VisitChanged(ParameterSite site, Tensor? original, Tensor? folded)
        {
            if (folded is not null && !ReferenceEquals(folded, original))
            {
                visit(site, original, folded);
            }
        }
    }
}
