namespace Graft.Torch;

/// <summary>How the learning rate changes over training: the factor for each step from 0. Thread-safe.</summary>
/// <param name="step">The step, from 0.</param>
/// <returns>The factor, from 0 to 1.</returns>
public delegate double LearningRateSchedule(int step);

/// <summary>The usual schedules, with a linear warm-up from 0. Thread-safe.</summary>
public static class Schedules
{
    private static readonly string[] s_names = ["linear", "cosine", "constant"];

    /// <summary>The names that <see cref="Get"/> knows.</summary>
    public static IReadOnlyList<string> Names => s_names;

    /// <summary>A schedule by name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="warmupSteps">Steps of warm-up.</param>
    /// <param name="totalSteps">Steps of training, warm-up included.</param>
    /// <returns>The schedule.</returns>
    /// <exception cref="GraftException">There is no schedule of that name.</exception>
    public static LearningRateSchedule Get(string name, int warmupSteps, int totalSteps) => name switch
    {
        "linear" => Linear(warmupSteps, totalSteps),
        "cosine" => Cosine(warmupSteps, totalSteps),
        "constant" => Constant(warmupSteps),
        _ => throw new GraftException($"There is no learning-rate schedule '{name}'; use one of: {string.Join(", ", s_names)}."),
    };

    /// <summary>Up to 1 during the warm-up, then down to 0 at the end, both along a line.</summary>
    /// <param name="warmupSteps">Steps of warm-up.</param>
    /// <param name="totalSteps">Steps of training, warm-up included.</param>
    /// <returns>The schedule.</returns>
    public static LearningRateSchedule Linear(int warmupSteps, int totalSteps) => step =>
        step < warmupSteps
            ? (double)step / Math.Max(1, warmupSteps)
            : Math.Max(0, (double)(totalSteps - step) / Math.Max(1, totalSteps - warmupSteps));

    /// <summary>Up to 1 during the warm-up along a line, then down to 0 along half a cosine.</summary>
    /// <param name="warmupSteps">Steps of warm-up.</param>
    /// <param name="totalSteps">Steps of training, warm-up included.</param>
    /// <returns>The schedule.</returns>
    public static LearningRateSchedule Cosine(int warmupSteps, int totalSteps) => step =>
        step < warmupSteps
            ? (double)step / Math.Max(1, warmupSteps)
            : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * ((double)(step - warmupSteps) / Math.Max(1, totalSteps - warmupSteps)))));

    /// <summary>Up to 1 during the warm-up along a line, then 1.</summary>
    /// <param name="warmupSteps">Steps of warm-up.</param>
    /// <returns>The schedule.</returns>
    public static LearningRateSchedule Constant(int warmupSteps = 0) => step => step < warmupSteps ? (double)step / Math.Max(1, warmupSteps) : 1;
}
