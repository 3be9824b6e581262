using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Corpora;
using Graft.Tasks.Mixtures;
using Graft.Torch;

namespace Graft.Training;

/// <summary>What a language model is judged by. Immutable.</summary>
/// <param name="Loss">The mean cross-entropy of a target.</param>
/// <param name="Accuracy">The share of targets whose score is the highest.</param>
internal readonly record struct LanguageScore(double Loss, double Accuracy);

/// <summary>
/// The loss of a language model on spoilt texts: the mean over a step's targets, and the adapter's own terms. What is taken out of a text is drawn anew
/// each time from seed and step, so that training resumes anywhere. Thread contract: one thread.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="corpus">The texts.</param>
/// <param name="items">The numbers of those to train on.</param>
/// <param name="corruption">How they are spoilt.</param>
/// <param name="batch">The texts of a step.</param>
/// <param name="microBatch">The most texts of a pass.</param>
/// <param name="seed">The seed of order and corruption.</param>
internal sealed class LanguageObjective(
    LanguageModel model, TokenCorpus corpus, IReadOnlyList<int> items, ICorruption corruption, int batch, int microBatch, long seed)
    : Objective(model, (items.Count + batch - 1) / batch)
{
    // Draws of a step without any target are few and far between: a short text in a batch of one.
    private const int Draws = 10_000;

    private readonly MixtureSampler _sampler = new([[.. items.Select(i => corpus.Lengths[i])]], batch, seed, new MixtureSettings());

    /// <inheritdoc/>
    public override StepLoss Backward(int step, Rng dropout, CancellationToken cancellation)
    {
        int[] numbers = [.. _sampler.Rows(step).Select(r => items[r.Row])];
        var spoilt = Spoilt(numbers, new SeededDraws(seed, $"corruption of step {step}"));
        var targets = spoilt.Sum(s => s.Targets.Length);
        var (loss, own) = (0.0, 0.0);
        foreach (var part in spoilt.Chunk(microBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            if (part.All(s => s.Targets.Length == 0))
            {
                continue;
            }

            using var scope = new TensorScope();
            var output = model.Forward(part, dropout);
            var mean = output.Loss / targets;
            var whole = output.Auxiliary is { } auxiliary ? mean + (auxiliary * ((double)part.Length / spoilt.Count)) : mean;
            whole.Backward();
            own += mean.ToDouble();
            loss += whole.ToDouble();
        }

        return new StepLoss(
            loss, numbers.Length, numbers.Sum(n => corpus.Lengths[n]), [new TaskStep(LanguageModel.Name, own, numbers.Length)],
            _ => [.. numbers.Select(n => new Example("") { File = corpus.Place(n).File, Line = corpus.Place(n).Line })]);
    }

    /// <summary>Judges the model on texts, spoilt in the same way each time.</summary>
    /// <param name="numbers">The numbers of the texts, at least one.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public LanguageScore Evaluate(IReadOnlyList<int> numbers, CancellationToken cancellation = default)
    {
        using var frozen = Autograd.NoGrad();
        var spoilt = Spoilt(numbers, new SeededDraws(0, "corruption of dev"));
        var (loss, right) = (0.0, 0.0);
        foreach (var part in spoilt.Chunk(microBatch).Where(p => p.Any(s => s.Targets.Length > 0)))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = new TensorScope();
            var output = model.Forward(part);
            loss += output.Loss.ToDouble();
            right += output.Logits.ArgMax(-1).Eq(output.Targets).To(DType.Float64).Sum().ToDouble();
        }

        var targets = spoilt.Sum(s => s.Targets.Length);
        return new LanguageScore(loss / targets, right / targets);
    }

    /// <summary>A batch of one unspoilt text, to compare models by.</summary>
    /// <param name="number">Its number.</param>
    /// <returns>Tensors of the calling scope.</returns>
    public BackboneInput Probe(int number)
    {
        var item = corpus.Read(number);
        var input = PaddedBatch.Of([item.Ids], [item.Segments], 0, model.Backbone.Device);
        return model.Backbone.Config.Decoder is null ? input : input with { DecoderIds = input.InputIds };
    }

    private IReadOnlyList<CorruptedItem> Spoilt(IReadOnlyList<int> numbers, SeededDraws draws)
    {
        for (var i = 0; i < Draws; i++)
        {
            List<CorruptedItem> spoilt = [.. numbers.Select(n => corruption.Corrupt(corpus.Read(n), draws))];
            if (spoilt.Exists(s => s.Targets.Length > 0))
            {
                return spoilt;
            }
        }

        var (file, line) = corpus.Place(numbers[0]);
        throw new GraftException($"{file}, line {line}: nothing of this text and the others of its batch was masked in {Draws} draws; give a larger --mask-share or --batch.");
    }
}
