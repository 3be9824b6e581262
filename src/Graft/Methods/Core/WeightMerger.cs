using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>A part of a linear map that can be folded into the map's weight and bias.</summary>
public interface IMergeable
{
    /// <summary>Whether the part can be folded with its settings; not so where what it adds depends on the input beyond a linear map.</summary>
    bool CanMerge => true;

    /// <summary>Whether the plain map needs a bias, which not every architecture has.</summary>
    bool NeedsBias => false;

    /// <summary>The weight and bias of the plain map that computes what the adapted map computes in evaluation.</summary>
    /// <param name="weight">[Out, In], floating: the frozen weight; not changed.</param>
    /// <param name="bias">[Out], floating, or null.</param>
    /// <returns>New tensors, or the given ones where they do not change.</returns>
    (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias);
}

/// <summary>
/// An adapter folded into its backbone. The replaced values are kept until disposal, so that <see cref="Unmerge"/> restores them
/// bitwise. Thread contract: merging and unmerging change the backbone; no pass may run meanwhile.
/// </summary>
public sealed class WeightMerger : IDisposable
{
    private readonly List<(Parameter Parameter, Tensor Original)> _replaced = [];

    private WeightMerger()
    {
    }

    /// <summary>The largest difference of an element of what was compared (logits, or hidden states) between the adapted and the merged model.</summary>
    public double MaxAbsoluteDifference { get; private set; }

    /// <summary>That difference divided by the largest magnitude of an element.</summary>
    public double MaxRelativeDifference { get; private set; }

    /// <summary>Whether every part of <paramref name="adapter"/> can be folded into weights.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="backbone">Its backbone.</param>
    public static bool CanMerge(Adapter adapter, Backbone backbone) =>
        adapter.Branches.Count == 0 && MissingBias(adapter, backbone) is null && backbone.Sites.All.All(s => adapter.Parts.At(s).ToArray().All(p =>
            p is IMergeable { CanMerge: true } || (p is ParameterPart && adapter.Tasks.Count == 0)));

    /// <summary>Folds an adapter into the backbone's weights and checks on a batch that the answers stay the same.</summary>
    /// <param name="backbone">The backbone; changed.</param>
    /// <param name="adapter">The adapter; not changed.</param>
    /// <param name="probe">The batch to check with.</param>
    /// <param name="tolerance">The largest relative difference allowed.</param>
    /// <param name="answers">What is compared, such as a head's logits; null for the last hidden states.</param>
    /// <exception cref="GraftException">
    /// The method cannot be merged, a merged weight or an answer is not finite, or the difference is larger; the backbone is then as before.
    /// </exception>
    public static WeightMerger Merge(
        Backbone backbone, Adapter adapter, BackboneInput probe, double tolerance = 1e-4, Func<BackboneOutput, Tensor>? answers = null)
    {
        if (MissingBias(adapter, backbone) is { } missing)
        {
            throw new GraftException(
                $"The method {adapter.Method.Name} cannot be merged into weights: there would have to be a bias at '{missing.Path}', which this architecture does not have; keep the adapter as it is.");
        }

        if (!CanMerge(adapter, backbone))
        {
            throw new GraftException($"The method {adapter.Method.Name} cannot be merged into weights; keep the adapter as it is.");
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        answers ??= output => output.LastHiddenState;
        var merger = new WeightMerger();
        try
        {
            var before = answers(new AdaptedModel(backbone).Forward(probe, adapter).Output);
            FoldedParameters.Visit(adapter, null, (site, _, folded) => merger.Set(site, folded));
            (merger.MaxAbsoluteDifference, merger.MaxRelativeDifference) = Difference(before, answers(backbone.Forward(probe)));
            return merger.MaxRelativeDifference <= tolerance
                ? merger
                : throw new GraftException(
                    $"Merging '{adapter.Name}' would change answers by {merger.MaxRelativeDifference:G3} (relative), more than {tolerance:G3}; nothing was changed, keep the adapter as it is.");
        }
        catch
        {
            merger.Unmerge();
            throw;
        }
    }

    /// <summary>The largest absolute difference of two tensors, and that divided by the largest magnitude in the first; NaN where one is not finite.</summary>
    /// <param name="expected">[...], floating.</param>
    /// <param name="actual">[...], floating, of the same shape.</param>
    public static (double Absolute, double Relative) Difference(Tensor expected, Tensor actual)
    {
        using var scope = new TensorScope();
        var absolute = Largest(expected - actual);
        return (absolute, absolute == 0 ? 0 : absolute / Largest(expected));

        static double Largest(Tensor values) => values.Abs().Max().To(DType.Float64).ToDouble();
    }

    /// <summary>Restores the backbone's weights bitwise.</summary>
    public void Unmerge()
    {
        foreach (var (parameter, original) in _replaced)
        {
            parameter.Assign(original);
        }

        Dispose();
    }

    /// <summary>Frees the kept values; the backbone stays merged.</summary>
    public void Dispose()
    {
        foreach (var (_, original) in _replaced)
        {
            original.Dispose();
        }

        _replaced.Clear();
    }

    /// <summary>A bias that the architecture lacks and the merged model would need.</summary>
    private static ParameterSite? MissingBias(Adapter adapter, Backbone backbone) =>
        backbone.Sites.Parameters.FirstOrDefault(s => s.Parameter is null && !adapter.Parts.At(s).IsEmpty)
        ?? backbone.Sites.Linear(SiteRole.AllLinear)
            .FirstOrDefault(s => s.Bias.Parameter is null && adapter.Parts.At(s).ToArray().Any(p => p is IMergeable { NeedsBias: true }))?.Bias;

    private void Set(ParameterSite site, Tensor value)
    {
        var parameter = site.Parameter!;
        if (ReferenceEquals(value, parameter.Value))
        {
            return;
        }

        if (!value.AllFinite())
        {
            throw new GraftException($"Merging would put a number that is not finite into '{site.Path}'; nothing was changed, train the adapter again with a lower learning rate.");
        }

        _replaced.Insert(0, (parameter, parameter.Value.Clone().Unscoped()));
        parameter.Assign(value);
    }
}
