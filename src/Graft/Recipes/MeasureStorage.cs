using Graft.Backbones;
using Graft.Evaluation.Comparisons;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>Accounts for the storage of many tasks by writing packages: a part of what <c>graft compare</c> does. Stateless; one call uses one thread.</summary>
public static class MeasureStorage
{
    private const string FullCopies = "full";

    /// <summary>
    /// Writes the packages of eight untrained tasks with each method, one at a time, measures and deletes them; full copies of the model are
    /// added where no method makes them.
    /// </summary>
    /// <param name="source">The backbone, as it was asked for.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="methods">The methods.</param>
    /// <param name="folder">Where to write; it is left as it was.</param>
    /// <param name="labels">The labels of each task, at least 2.</param>
    /// <param name="cancellation">Stops between packages.</param>
    /// <exception cref="GraftException">A method or its settings are at fault, or the disk is full.</exception>
    public static StorageAccount Run(
        string source, Backbone backbone, Tokenizer tokenizer, IReadOnlyList<PlannedMethod> methods, string folder, int labels = 2,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        ArgumentNullException.ThrowIfNull(methods);
        var all = methods.Any(m => m.Method == FullCopies) ? methods : [.. methods, new PlannedMethod("full copies", FullCopies)];
        var task = new TaskDefinition("task", TaskKind.Classification, [.. Enumerable.Range(0, labels).Select(i => $"label {i}")], ["accuracy"], false);
        var place = Path.Combine(folder, $"storage-{Guid.NewGuid():N}");
        try
        {
            return new StorageAccount(
                source, sizeof(float) * backbone.Parameters().Sum(p => p.Value.Count), labels,
                [.. all.Select(m => Measure(m, task, source, backbone, tokenizer, place, cancellation))]);
        }
        finally
        {
            if (Directory.Exists(place))
            {
                Directory.Delete(place, recursive: true);
            }
        }
    }

    // A package a task. A method that keeps something once for several tasks saves them as one package; its shared part then is what remains at no task.
    private static MethodStorage Measure(
        PlannedMethod planned, TaskDefinition task, string source, Backbone backbone, Tokenizer tokenizer, string place, CancellationToken cancellation)
    {
        var method = PeftMethods.Get(planned.Method);
        var config = method.Resolve(method.ReadConfig(planned.Set, $"the method '{planned.Name}'"), tokenizer);
        using var trained = TrainedAdapters.Load(method, config, backbone);
        var room = TaskModel.Room(backbone, method, trained.Config);
        long first = 0, sum = 0, parameters = 0, head = 0;
        for (var number = 1; number <= StorageAccount.MostWritten; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var rng = new Rng(number, Device.Cpu);
            var adapter = trained.Attach("task", rng);
            using var model = new TaskModel(
                task with { Name = $"task-{number}" }, backbone, adapter, new PooledHead(new PooledHeadConfig(task.Kind, task.Outputs), backbone.Config.HiddenSize, rng), room);
            var package = TaskModelPackage.Save(model, place, source);
            sum += new DirectoryInfo(package.Folder).EnumerateFiles().Sum(f => f.Length);
            if (number == 1)
            {
                (first, parameters, head) = (sum, CompactForm.CountParameters(adapter, backbone.Sites), model.Head.Parameters().Sum(p => p.Value.Count));
            }
        }

        var account = new MethodStorage(planned.Name, method.Name, parameters, head, first - (sizeof(float) * (parameters + head)), 0, []);
        return account with
        {
            Points = [.. StorageAccount.TaskCounts.Select(tasks => tasks switch
            {
                1 => new StoragePoint(tasks, first, true),
                StorageAccount.MostWritten => new StoragePoint(tasks, sum, true),
                _ => new StoragePoint(tasks, account.ByFormula(tasks), false),
            })],
        };
    }
}
