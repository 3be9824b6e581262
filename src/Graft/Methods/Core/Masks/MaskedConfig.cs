using System.Text.Json;
using System.Text.Json.Serialization;

namespace Graft.Methods.Core.Masks;

/// <summary>Whether masks are learnt.</summary>
[JsonConverter(typeof(MaskFormJson))]
public enum MaskForm
{
    /// <summary>From real scores that train.</summary>
    Trained,

    /// <summary>Bits that stay as they are; packages are stored so. Where they do not come from a file they are drawn.</summary>
    Fixed,
}

/// <summary>What has masks of its own.</summary>
[JsonConverter(typeof(MaskedByJson))]
public enum MaskedBy
{
    /// <summary>Each layer, and each task where the adapter holds several when it is attached; adapters are stored with what it came to.</summary>
    Auto,

    /// <summary>Each layer.</summary>
    Layer,

    /// <summary>Each task.</summary>
    Task,

    /// <summary>Each layer and each task, of which there may be only one yet.</summary>
    LayerAndTask,
}

/// <summary>How the mask of a layer and that of a task become one.</summary>
[JsonConverter(typeof(MaskCombinationJson))]
public enum MaskCombination
{
    /// <summary><c>1 - (1 - M_t)(1 - M_l)</c>: what one of them keeps.</summary>
    Or,

    /// <summary><c>M_t M_l</c>: what both keep.</summary>
    And,

    /// <summary><c>M_t + M_l</c>: what both keep, twice.</summary>
    Add,
}

/// <summary>Settings of a method whose layers share a prototype under masks.</summary>
public abstract record MaskedConfig : LayeredConfig
{
    /// <summary>The fraction k of each matrix that a mask keeps; 1 for no masks.</summary>
    public double Kept { get; init => field = Fraction(value); } = 0.5;

    /// <summary>What has masks of its own.</summary>
    public MaskedBy MaskedBy { get; init; }

    /// <summary>How masks of layer and task are combined.</summary>
    public MaskCombination Combine { get; init; }

    /// <summary>Whether masks are learnt.</summary>
    public MaskForm Masks { get; init; }

    /// <summary>What the run's learning rate is multiplied by for the scores; 0 leaves them at their random start.</summary>
    public double ScoreRateFactor { get; init => field = Require.NotNegative(value, nameof(ScoreRateFactor)); } = 1;

    /// <summary>
    /// A slip of the released code: the scores of the first layer are those of the last task, so that this task's mask in that layer is
    /// its own twice and learns for all tasks. For repeating its numbers.
    /// </summary>
    public bool AliasedScores { get; init; }

    /// <summary>
    /// A slip of the released code: the scores of tasks that are not in a batch are moved by the optimizer all the same, by its momentum and
    /// decay. For repeating its numbers.
    /// </summary>
    public bool StaleMomentum { get; init; }

    /// <summary>Whether each layer has masks.</summary>
    internal bool OfLayers => Kept < 1 && MaskedBy != MaskedBy.Task;

    /// <summary>Whether each task has masks.</summary>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    internal bool OfTasks(int tasks) => Kept < 1 && (MaskedBy is MaskedBy.Task or MaskedBy.LayerAndTask || (MaskedBy == MaskedBy.Auto && tasks > 1));

    /// <summary>Whether the first layer's scores are the last task's.</summary>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    internal bool Aliased(int tasks) => AliasedScores && Masks == MaskForm.Trained && OfLayers && OfTasks(tasks);

    /// <summary>The number of masks, N.</summary>
    /// <param name="layers">The places that share the prototype.</param>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    internal long CountMasks(int layers, int tasks) => (OfLayers ? layers : 0) + (OfTasks(tasks) ? tasks : 0);

    /// <summary>The scores that train.</summary>
    /// <param name="entries">|W|, the entries under one mask.</param>
    /// <param name="layers">The places that share the prototype.</param>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    internal long CountScores(long entries, int layers, int tasks) =>
        Masks == MaskForm.Fixed ? 0 : entries * (CountMasks(layers, tasks) - (Aliased(tasks) ? 1 : 0));

    /// <summary>The bits of all masks in a package.</summary>
    /// <param name="entries">|W|, the entries under one mask.</param>
    /// <param name="layers">The places that share the prototype.</param>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    internal long CountMaskBits(long entries, int layers, int tasks) => 8 * MaskBits.Bytes(entries) * CountMasks(layers, tasks);

    /// <summary>The same settings with it said who has masks, so that a task can come or go later.</summary>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    internal MaskedConfig Settled(int tasks) => MaskedBy != MaskedBy.Auto ? this : this with { MaskedBy = tasks > 1 ? MaskedBy.LayerAndTask : MaskedBy.Layer };

    /// <summary>The same settings with masks that are stored.</summary>
    internal MaskedConfig Fixed() => this with { Masks = MaskForm.Fixed, AliasedScores = false, StaleMomentum = false };

    private static double Fraction(double value) => value is > 0 and <= 1
        ? value
        : throw new ArgumentException($"kept is {value}, expected a fraction above 0 and up to 1", nameof(value));
}

/// <summary>Forms of masks by their names.</summary>
internal sealed class MaskFormJson() : JsonStringEnumConverter<MaskForm>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>What is masked by its names.</summary>
internal sealed class MaskedByJson() : JsonStringEnumConverter<MaskedBy>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>Combinations by their names.</summary>
internal sealed class MaskCombinationJson() : JsonStringEnumConverter<MaskCombination>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
