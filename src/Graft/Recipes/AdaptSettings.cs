using Graft.Methods.Core;

namespace Graft.Recipes;

/// <summary>What <c>graft adapt</c> is told. Immutable.</summary>
/// <param name="Package">The package of several tasks that the new one joins.</param>
/// <param name="Training">
/// The new task, as the only one of <see cref="TrainSettings.Tasks"/>, its rows and how they are trained on. Method and its settings are the package's.
/// </param>
public sealed record AdaptSettings(string Package, TrainSettings Training)
{
    /// <summary>What trains when nothing else is said: the new task's own part and its head.</summary>
    public const string Own = "own";

    /// <summary>Everything that is not another task's.</summary>
    public const string All = "all";

    /// <summary>What sits in the blocks of the backbone and is shared, such as ordinary adapters and norms.</summary>
    public const string Blocks = "blocks";

    /// <summary>The peak rate of the new task's own vectors at the method's own learning rate, when <see cref="OwnFactor"/> is not given.</summary>
    public const double UsualOwnRate = 1e-2;

    /// <summary>The peak rate of the head at the method's own learning rate, when <see cref="HeadFactor"/> is not given.</summary>
    public const double UsualHeadRate = 3e-3;

    /// <summary>A backbone's folder or name; null for the one that the package names.</summary>
    public string? Backbone { get; init; }

    /// <summary>
    /// The keys of settings of <see cref="Training"/> that were said, so that they hold although they are what training has by itself. Of the others
    /// the package's are taken: kind, pooling, layers and dropout of the head, beams and loss reduction of text heads, and the longest row.
    /// </summary>
    public IReadOnlyCollection<string> Given { get; init; } = [];

    /// <summary>How the new task starts; null for the nearest known task where the method can find it, else at the best one.</summary>
    public TaskStart? Start { get; init; }

    /// <summary>A task of the package at which the new one starts; null to choose by <see cref="Start"/>.</summary>
    public string? From { get; init; }

    /// <summary>
    /// What of the adapter trains: <see cref="Own"/>, <see cref="Blocks"/>, <see cref="All"/>, and names of what tasks share, such as <c>hypernetwork</c>.
    /// </summary>
    public IReadOnlyList<string> Tune { get; init; } = [Own];

    /// <summary>
    /// What the learning rate is multiplied by for the new task's own vectors, such as a prototype; null for what makes the method's own learning rate
    /// <see cref="UsualOwnRate"/>. Its own matrices, such as scores of masks, train as the method says.
    /// </summary>
    public double? OwnFactor { get; init; }

    /// <summary>What the learning rate is multiplied by for the head; null for what makes the method's own learning rate <see cref="UsualHeadRate"/>.</summary>
    public double? HeadFactor { get; init; }

    /// <summary>
    /// Whether training has the method's own terms of the loss, such as PHA's contrastive ones; null for no where only <see cref="Own"/> trains, as they
    /// hold a prototype back from where the task's loss wants it, and yes otherwise.
    /// </summary>
    public bool? OwnLosses { get; init; }

    /// <summary>
    /// Whether the task is added to <see cref="Package"/>, whose other files stay as they are; otherwise it becomes a package of its own in the output
    /// folder. Only what is a task's own may train then.
    /// </summary>
    public bool Join { get; init; } = true;
}
