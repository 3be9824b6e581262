using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <summary>A plan has faults, and nothing was run. The message lists all of them.</summary>
/// <param name="plan">The plan's name.</param>
/// <param name="faults">A sentence for each fault.</param>
public sealed class ComparisonPlanException(string plan, IReadOnlyList<string> faults) : GraftException(Describe(plan, faults))
{
    /// <summary>A sentence for each fault.</summary>
    public IReadOnlyList<string> Faults { get; } = faults;

    private static string Describe(string plan, IReadOnlyList<string> faults) => faults.Count == 1
        ? faults[0]
        : $"the plan '{plan}' has {faults.Count} faults, and nothing was run:{string.Concat(faults.Select(fault => $"\n  - {fault}"))}";
}
