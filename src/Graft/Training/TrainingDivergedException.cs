using Graft.Tasks;
using Graft.Torch;

namespace Graft.Training;

/// <summary>A step's loss or gradient is not a finite number. The model is as before the step.</summary>
public sealed class TrainingDivergedException : GraftException
{
    private const int RowsNamed = 8;

    internal TrainingDivergedException(string task, int step, double loss, double norm, IReadOnlyList<Example> rows)
        : base(
            $"Training of '{task}' stopped at step {step}: the loss is {loss} and the gradient's norm {norm} on {Rows(rows)}; lower the learning rate (--lr) or look at these rows.")
        => (Task, Step) = (task, step);

    /// <summary>The task.</summary>
    public string Task { get; }

    /// <summary>The step from 1.</summary>
    public int Step { get; }

    private static string Rows(IReadOnlyList<Example> rows)
    {
        var named = rows.Take(RowsNamed).Select(r => r.Line > 0 ? $"{Path.GetFileName(r.File)}:{r.Line}" : $"\"{Cut(r.Text)}\"");
        return $"the rows {string.Join(", ", named)}{(rows.Count > RowsNamed ? $" and {rows.Count - RowsNamed} more" : "")}";
    }

    private static string Cut(string text) => text.Length <= 40 ? text : text[..40] + "...";
}
