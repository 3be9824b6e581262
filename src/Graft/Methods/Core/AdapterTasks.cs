using Graft.Backbones;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Gives adapters more tasks, where a method's adapters hold several. Stateless.</summary>
public static class AdapterTasks
{
    /// <summary>Attaches an adapter with one more task; all that was there is copied bit for bit.</summary>
    /// <param name="adapter">The adapter; not changed.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <param name="task">The new task.</param>
    /// <param name="rng">The generator of the initial values of what is the new task's alone.</param>
    /// <returns>A new adapter, which the caller disposes.</returns>
    /// <exception cref="GraftException">The method's adapters hold one task, or this one holds the task already.</exception>
    public static Adapter Add(Adapter adapter, Backbone backbone, string task, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(backbone);
        if (!adapter.Method.SharesAcrossTasks)
        {
            throw new GraftException($"An adapter of {adapter.Method.Name} holds one task, so no task can be added to it; train one for the task '{task}'.");
        }

        if (adapter.Tasks.Contains(task, StringComparer.Ordinal))
        {
            throw new GraftException($"The adapter '{adapter.Name}' holds the task '{task}' already; give the new one another name.");
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var larger = adapter.Method.Attach(backbone, adapter.Name, adapter.Config, rng, [.. adapter.Tasks, task]);
        try
        {
            if (adapter.Parameters().FirstOrDefault() is { } parameter)
            {
                larger.ConvertTo(parameter.Value.DType);
            }

            var values = CompactForm.State(adapter).ToDictionary(s => s.Path, s => s.Value, StringComparer.Ordinal);
            foreach (var (path, value) in CompactForm.State(larger).Where(s => larger.TaskOf(s.Path) != task))
            {
                value.Copy_(values[path]);
            }

            return larger;
        }
        catch
        {
            larger.Dispose();
            throw;
        }
    }
}
