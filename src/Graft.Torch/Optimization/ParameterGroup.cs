namespace Graft.Torch;

/// <summary>Parameters that an optimizer steps with one learning rate and one weight decay. One thread.</summary>
/// <param name="name">A name, unique in the optimizer; saved state refers to it.</param>
/// <param name="parameters">The parameters, in an order that must be the same when state is loaded.</param>
/// <param name="learningRate">The size of a step.</param>
/// <param name="weightDecay">The share of each weight, times the learning rate, that a step takes away.</param>
public sealed class ParameterGroup(string name, IEnumerable<Parameter> parameters, double learningRate, double weightDecay = 0)
{
    /// <summary>The name, unique in the optimizer.</summary>
    public string Name { get; } = name;

    /// <summary>The parameters, each once.</summary>
    public IReadOnlyList<Parameter> Parameters { get; } = [.. parameters.Distinct()];

    /// <summary>The size of a step; schedules set it before each one.</summary>
    public double LearningRate { get; set; } = learningRate;

    /// <summary>The share of each weight, times the learning rate, that a step takes away.</summary>
    public double WeightDecay { get; set; } = weightDecay;
}
