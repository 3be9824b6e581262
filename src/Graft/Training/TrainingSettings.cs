using Graft.Tasks.Mixtures;
using Graft.Torch;

namespace Graft.Training;

/// <summary>How the learning rate runs after its warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>Falls linearly to zero.</summary>
    Linear,

    /// <summary>Falls to zero along half a cosine.</summary>
    Cosine,

    /// <summary>Stays.</summary>
    Constant,
}

/// <summary>The settings of the training loop. Immutable.</summary>
/// <param name="Epochs">Passes over the training rows, used where <paramref name="Steps"/> is null.</param>
/// <param name="Steps">Optimizer steps; null to count epochs.</param>
/// <param name="BatchSize">Rows of an optimizer step.</param>
/// <param name="Accumulation">Micro-batches that a step's rows are split into; the step's gradient is the same (but for contrastive losses, which see a micro-batch's rows alone), its memory smaller.</param>
/// <param name="LearningRate">The peak learning rate.</param>
/// <param name="Schedule">How it runs.</param>
/// <param name="WarmupRatio">The share of the steps in which it rises from zero.</param>
/// <param name="WeightDecay">AdamW's decoupled weight decay of matrices; vectors (biases, norms) have none.</param>
/// <param name="ClipNorm">The largest norm of the whole gradient; 0 for no clipping.</param>
/// <param name="LabelSmoothing">The share of probability that cross-entropy spreads over all classes.</param>
/// <param name="EvaluateEvery">Steps between evaluations on dev; null for the end of each epoch.</param>
/// <param name="Patience">Evaluations without a better dev metric after which training stops; null for never.</param>
/// <param name="AdapterDrop">In each training pass the adapter rests in the first n blocks, n drawn from 0 to this number (AdapterDrop); 0 for never.</param>
/// <param name="Seed">The seed of row order, initial values and dropout.</param>
/// <param name="Evaluations">Evaluations on dev, spread evenly over the steps, the last one at the end; null to go by <paramref name="EvaluateEvery"/>.</param>
/// <param name="Mixture">How the rows of several tasks are mixed; null for the defaults.</param>
/// <param name="Beta2">How much of the mean squared gradient AdamW keeps in a step.</param>
/// <param name="Epsilon">What AdamW adds to its root.</param>
/// <param name="Optimizer">Which of AdamW's two published orders of arithmetic.</param>
/// <param name="HeadFactor">What the learning rate is multiplied by for heads.</param>
public sealed record TrainingSettings(
    double Epochs = 5,
    int? Steps = null,
    int BatchSize = 16,
    int Accumulation = 1,
    double LearningRate = 1e-3,
    ScheduleKind Schedule = ScheduleKind.Linear,
    double WarmupRatio = 0.06,
    double WeightDecay = 0.01,
    double ClipNorm = 1,
    double LabelSmoothing = 0,
    int? EvaluateEvery = null,
    int? Patience = null,
    int AdapterDrop = 0,
    long Seed = 0,
    int? Evaluations = null,
    MixtureSettings? Mixture = null,
    double Beta2 = 0.999,
    double Epsilon = 1e-8,
    AdamWVariant Optimizer = AdamWVariant.Torch,
    double HeadFactor = 1);
