using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Training;

/// <summary>Keeps the state of the best evaluation on dev so far. Thread contract: one thread.</summary>
/// <param name="trained">What is trained.</param>
public sealed class BestOnDev(ITrainable trained) : IDisposable
{
    private readonly Dictionary<string, Tensor> _values = new(StringComparer.Ordinal);

    /// <summary>Begins with a single task.</summary>
    /// <param name="model">The model that is trained.</param>
    public BestOnDev(TaskModel model)
        : this(new TaskModels([model]))
    {
    }

    /// <summary>The primary metric of the best evaluation, of several tasks their mean; null before the first.</summary>
    public double? Metric { get; private set; }

    /// <summary>The step of the best evaluation.</summary>
    public int Step { get; private set; }

    /// <summary>Evaluations since the best one.</summary>
    public int EvaluationsSince { get; private set; }

    internal IReadOnlyDictionary<string, Tensor> Values => _values;

    /// <summary>Takes an evaluation into account; a later one wins only when it is better.</summary>
    /// <param name="metric">The primary metric, of several tasks their mean.</param>
    /// <param name="step">The step after which it was measured.</param>
    /// <returns>Whether it is the best so far.</returns>
    public bool Offer(double metric, int step)
    {
        if (metric <= Metric || (Metric is not null && double.IsNaN(metric)))
        {
            EvaluationsSince++;
            return false;
        }

        (Metric, Step, EvaluationsSince) = (metric, step, 0);
        using var scope = new TensorScope();
        foreach (var (path, value) in trained.State())
        {
            Put(path, value.Clone().Unscoped());
        }

        return true;
    }

    /// <summary>Puts the best state back into the model.</summary>
    public void Restore()
    {
        using var scope = new TensorScope();
        foreach (var (path, value) in trained.State())
        {
            if (_values.TryGetValue(path, out var kept))
            {
                value.Copy_(kept);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var value in _values.Values)
        {
            value.Dispose();
        }

        _values.Clear();
    }

    internal void Load(double? metric, int step, int since) => (Metric, Step, EvaluationsSince) = (metric, step, since);

    internal void Put(string path, Tensor value)
    {
        if (_values.Remove(path, out var old))
        {
            old.Dispose();
        }

        _values[path] = value;
    }
}
