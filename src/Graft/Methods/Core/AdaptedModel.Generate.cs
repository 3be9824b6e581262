using Graft.Backbones;
using Graft.Backbones.Generation;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

// Writing texts.
public sealed partial class AdaptedModel
{
    /// <summary>Writes a text for each row of a batch whose rows all use the same adapter.</summary>
    /// <param name="input">The batch, without ids for the decoder.</param>
    /// <param name="adapter">The adapter; null for the plain backbone.</param>
    /// <param name="settings">How to write; null for the defaults.</param>
    /// <param name="rng">The generator of draws; required when tokens are drawn.</param>
    /// <returns>The texts in the order of the rows.</returns>
    /// <exception cref="GraftException">The backbone writes no text, or the settings are out of range.</exception>
    /// <exception cref="ArgumentException">Ids for the decoder, draws without a generator, an adapter of another backbone object, or one that holds several tasks.</exception>
    public IReadOnlyList<GeneratedText> Generate(BackboneInput input, Adapter? adapter, GenerationSettings? settings = null, Rng? rng = null) =>
        Generate(input, [.. Enumerable.Repeat(new RowAdapter(adapter), (int)input.InputIds.Size(0))], settings, rng);

    /// <summary>
    /// Writes a text for each row of a batch whose rows use different adapters and tasks, also of different methods. What adapters prepare is
    /// prepared once, the encoder runs once, and the decoder remembers keys and values. A row with a parallel composition has as many texts as
    /// the composition has adapters, next to each other. Every text is the one that its row has alone, except drawn ones, whose draws are those
    /// of the batch: the same generator and batch give the same texts.
    /// </summary>
    /// <param name="input">The batch, without ids for the decoder.</param>
    /// <param name="rows">What each row uses, as many as the batch has rows.</param>
    /// <param name="settings">How to write; null for the defaults.</param>
    /// <param name="rng">The generator of draws; required when tokens are drawn.</param>
    /// <returns>The texts in the order of the rows.</returns>
    /// <exception cref="GraftException">The backbone writes no text, or the settings are out of range.</exception>
    /// <exception cref="ArgumentException">Ids for the decoder, another number of rows, a task that its adapter does not hold, draws without a generator, or an adapter of another backbone object.</exception>
    public IReadOnlyList<GeneratedText> Generate(
        BackboneInput input, IReadOnlyList<RowAdapter> rows, GenerationSettings? settings = null, Rng? rng = null)
    {
        settings ??= new GenerationSettings();
        if (Backbone is not ITextDecoder decoder || Backbone.Config.Decoder is not { } tokens)
        {
            throw new GraftException($"A {Backbone.Config.ModelType} backbone writes no text; choose one with a decoder (model_type t5 or mt5).");
        }

        settings.Check(Backbone.Config.VocabularySize);
        Check(input, rows);
        if (input.DecoderIds is not null || input.Encoded is not null)
        {
            throw new ArgumentException("A generation reads the text alone, and the batch has ids for the decoder or encoded text.", nameof(input));
        }

        if (settings.Sample && rng is null)
        {
            throw new ArgumentException("Drawing tokens needs a generator.", nameof(rng));
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        if (rows.Any(r => r.Adapter is { Branches.Count: > 0 }))
        {
            (input, rows) = Branched(input, rows);
        }

        // Rows of one adapter lie together in both ways of writing, so that the draws of a batch are the same ones.
        var (groups, adapters, order) = Grouped(rows);
        if (order is not null)
        {
            (input, rows) = (Rows(input, order), [.. order.Select(i => rows[i])]);
        }

        var texts = settings.UseCache
            ? Remembered(decoder, tokens, input, groups, adapters, settings, rng)
            : Recomputed(tokens, input, rows, settings, rng);
        return order is null ? texts : [.. order.Zip(texts).OrderBy(t => t.First).Select(t => t.Second)];
    }

    private GeneratedText[] Remembered(
        ITextDecoder decoder, DecoderConfig tokens, BackboneInput sorted, IReadOnlyList<RowGroup> groups, IReadOnlyList<Adapter?> adapters,
        GenerationSettings settings, Rng? rng)
    {
        using var cache = new DecoderCache(settings.MaxTokens);
        var (pass, _) = Prepared(new AdapterPass(groups, training: false, rng: null) { Cache = cache, InputMask = sorted.Mask }, adapters);
        return TextSearch.Write(new RememberedScores(decoder, sorted, pass), (int)sorted.InputIds.Size(0), tokens, settings, rng);
    }

    private GeneratedText[] Recomputed(
        DecoderConfig tokens, BackboneInput input, IReadOnlyList<RowAdapter> rows, GenerationSettings settings, Rng? rng)
    {
        return TextSearch.Write(new RecomputedScores(rows.Count, tokens.StartId, Last), rows.Count, tokens, settings, rng);

        Tensor Last(Tensor ids, int times)
        {
            int[] repeated = [.. Enumerable.Range(0, rows.Count * times).Select(i => i / times)];
            var whole = Rows(input, repeated) with { DecoderIds = ids.To(input.InputIds.Device) };
            return Forward(whole, [.. repeated.Select(i => rows[i])]).Output.Logits!.Select(1, ids.Size(1) - 1);
        }
    }
}
