namespace Graft.Evaluation.Comparisons;

/// <summary>A plan and the runs of it that are finished, in the order of the plan: what reports and statistics are made of. Immutable.</summary>
/// <param name="Plan">The plan.</param>
/// <param name="Runs">Its finished runs.</param>
/// <param name="Planned">The number of runs of the whole matrix.</param>
public sealed record Comparison(ComparisonPlan Plan, IReadOnlyList<ComparisonRun> Runs, int Planned);
