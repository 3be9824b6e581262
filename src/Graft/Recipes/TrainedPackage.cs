using System.Text.Json.Nodes;
using Graft.Tasks.Heads;

namespace Graft.Recipes;

/// <summary>What a package keeps of a task that was trained. Immutable.</summary>
/// <param name="Place">How the task is named: its folder, or <c>FOLDER#TASK</c>.</param>
/// <param name="Parameters">Trained parameters of adapter and head that are the task's alone.</param>
/// <param name="AdapterBytes">The bytes of the adapter's file; of a task of several, of its own.</param>
/// <param name="HeadBytes">The bytes of the head's file.</param>
internal sealed record SavedTask(string Place, long Parameters, long AdapterBytes, long HeadBytes);

/// <summary>Writes what was trained: a package of the task, or one of several tasks.</summary>
internal sealed class TrainedPackage(TrainSettings settings, TrainUnit unit, string folder)
{
    /// <summary>Writes the package.</summary>
    /// <param name="models">The models in their best state.</param>
    /// <param name="bestStep">The step of that state.</param>
    /// <param name="dev">The dev metrics of each task.</param>
    /// <param name="test">The test metrics of each task; empty where it has no labelled test rows.</param>
    public IReadOnlyList<SavedTask> Save(
        TaskModels models, int bestStep, IReadOnlyList<IReadOnlyDictionary<string, double>> dev, IReadOnlyList<IReadOnlyDictionary<string, double>> test)
    {
        if (!unit.IsJoint)
        {
            var saved = TaskModelPackage.Save(models.Models[0], folder, settings.Backbone, Summary(0));
            return [new SavedTask(folder, Trained(models, null), saved.AdapterBytes, saved.HeadBytes)];
        }

        var training = new JsonObject { ["settings"] = settings.ToJson(), ["best_step"] = bestStep, ["dev"] = UnitReport.Average(unit.Tasks, dev) };
        var joint = TaskModelPackage.Save(models, folder, settings.Backbone, training, m => Summary(models.Models.ToList().IndexOf(m)));
        return
        [
            .. unit.Tasks.Select(t => joint.Task(t.Task.Name)).Select(p =>
                new SavedTask(p.Place, Trained(models, p.Manifest.Task.Name), p.AdapterBytes, p.HeadBytes)),
        ];

        // Of several tasks the settings are kept once, with what they share: a task's own part may be a few hundred bytes. A task that is trained
        // alone may be added to a package whose tasks were trained with others.
        JsonObject Summary(int task)
        {
            var summary = new JsonObject
            {
                ["train_rows"] = unit.Tasks[task].Train.Count,
                ["splits"] = unit.Tasks[task].Splits.ToJson(),
                ["best_step"] = bestStep,
                ["dev"] = TrainLog.Json(dev[task]),
                ["test"] = TrainLog.Json(test[task]),
            };
            if (unit.Tasks.Count == 1)
            {
                summary.Insert(0, "settings", settings.ToJson());
            }

            if (unit.Adapted is { } adapted)
            {
                summary["adapted"] = adapted.DeepClone();
            }

            return summary;
        }
    }

    // A task's own: its part of the adapter and its head. Without a name all there is.
    private static long Trained(TaskModels models, string? task) => task is null
        ? models.Parameters().Where(p => p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count)
        : models.Adapter.NamedParameters().Where(p => p.Parameter.Trainable && models.Adapter.TaskOf(p.Path) == task).Sum(p => p.Parameter.Value.Count)
            + models.Models.First(m => m.Task.Name == task).Head.Parameters().Where(p => p.Trainable).Sum(p => p.Value.Count);
}
