using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Tasks.Corpora;

/// <summary>What a language model made of spoilt texts. The tensors live as long as the calling scope.</summary>
/// <param name="Loss">A scalar: the cross-entropy of all targets, summed.</param>
/// <param name="Auxiliary">The adapter's term of the training loss, or null.</param>
/// <param name="Logits">[M, V], floating: the scores at the targets; of a decoder [B × S, V], places behind a text's end included.</param>
/// <param name="Targets">[M], int64: the targets; -100 behind a text's end.</param>
internal sealed record LanguageOutput(Tensor Loss, Tensor? Auxiliary, Tensor Logits, Tensor Targets);

/// <summary>
/// A language model: a frozen backbone, the adapter that trains it, and the head for masked words where no decoder writes. It owns adapter and head, not
/// the backbone. Thread contract: forward passes may run at once; only training changes it.
/// </summary>
internal sealed class LanguageModel : ITrainable, IDisposable
{
    /// <summary>What messages call its texts.</summary>
    public const string Name = "text";

    private readonly int _padId;

    /// <summary>Joins the parts.</summary>
    /// <param name="backbone">The frozen model; not owned.</param>
    /// <param name="adapter">The adapter; owned from now on.</param>
    /// <param name="head">The head for masked words, owned from now on; null for a backbone with a decoder.</param>
    /// <param name="padId">The id that fills batches.</param>
    public LanguageModel(Backbone backbone, Adapter adapter, MaskedWordHead? head, int padId)
    {
        (Backbone, Adapter, Head, _padId) = (backbone, adapter, head, padId);
        head?.MoveTo(backbone.Device);
    }

    /// <inheritdoc/>
    public Backbone Backbone { get; }

    /// <inheritdoc/>
    public Adapter Adapter { get; }

    /// <summary>The head for masked words; null for a backbone with a decoder.</summary>
    public MaskedWordHead? Head { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Names { get; } = [Name];

    /// <inheritdoc/>
    public IEnumerable<(string Path, Parameter Parameter)> Parameters() =>
        Adapter.NamedParameters().Select(p => ("adapter." + p.Path, p.Parameter))
            .Concat(Head?.NamedParameters().Select(p => ("head." + p.Path, p.Parameter)) ?? []);

    /// <inheritdoc/>
    public string? TaskOf(string path) => null;

    /// <summary>Predicts what was taken out of texts.</summary>
    /// <param name="items">B spoilt texts, with at least one target.</param>
    /// <param name="training">The generator of dropout while training; null in evaluation.</param>
    public LanguageOutput Forward(IReadOnlyList<CorruptedItem> items, Rng? training = null)
    {
        var input = PaddedBatch.Of([.. items.Select(i => i.Input)], [.. items.Select(i => i.Segments)], _padId, Backbone.Device);
        if (Backbone.Config.Decoder is { } decoder)
        {
            input = input with { DecoderIds = PaddedBatch.Ids([.. items.Select(i => (int[])[decoder.StartId, .. i.Targets[..^1]])], decoder.PadId).To(Backbone.Device) };
        }

        var (output, auxiliary, _) = new AdaptedModel(Backbone).Forward(input, Adapter, training is not null, training);
        var (logits, targets) = Head is null ? Written(output, items) : Restored(output, items, Head);
        return new LanguageOutput(F.CrossEntropy(logits, targets, ignoreIndex: TextHead.NoTarget, sum: true), auxiliary, logits, targets);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Adapter.Dispose();
        Head?.Dispose();
    }

    private (Tensor Logits, Tensor Targets) Written(BackboneOutput output, IReadOnlyList<CorruptedItem> items)
    {
        var scores = TextHead.Scores(output);
        return (scores.Reshape(-1, scores.Size(-1)),
            PaddedBatch.Ids([.. items.Select(i => i.Targets)], TextHead.NoTarget).To(Backbone.Device).Reshape(-1));
    }

    // Only what was masked goes through the head: the vocabulary is wide.
    private (Tensor Logits, Tensor Targets) Restored(BackboneOutput output, IReadOnlyList<CorruptedItem> items, MaskedWordHead head)
    {
        var length = (int)output.LastHiddenState.Size(1);
        long[] places = [.. items.SelectMany((item, row) => item.Positions.Select(t => ((long)row * length) + t))];
        var states = output.LastHiddenState.Reshape(-1, output.LastHiddenState.Size(2)).IndexSelect(0, Tensor.From(places).To(Backbone.Device));
        var targets = Tensor.From([.. items.SelectMany(i => i.Targets.Select(id => (long)id))]).To(Backbone.Device);
        return (head.Forward(states, output.Words!), targets);
    }
}
