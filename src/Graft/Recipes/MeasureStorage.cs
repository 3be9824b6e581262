using Graft.Backbones;
using Graft.Evaluation.Comparisons;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.TextToText;
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

    private static MethodStorage Measure(
        PlannedMethod planned, TaskDefinition task, string source, Backbone backbone, Tokenizer tokenizer, string place, CancellationToken cancellation)
    {
        var method = PeftMethods.Get(planned.Method);
        var config = method.Resolve(method.ReadConfig(planned.Set, $"the method '{planned.Name}'"), tokenizer);
        using var trained = TrainedAdapters.Load(method, config, backbone);
        var (account, first, most) = method.SharesAcrossTasks || planned.Share
            ? Together(planned, method, trained, task, source, backbone, place, cancellation)
            : Apart(planned, method, trained, task, source, backbone, place, cancellation);
        return account with
        {
            Points = [.. StorageAccount.TaskCounts.Select(tasks => tasks switch
            {
                1 => new StoragePoint(tasks, first, true),
                StorageAccount.MostWritten => new StoragePoint(tasks, most, true),
                _ => new StoragePoint(tasks, account.ByFormula(tasks), false),
            })],
        };
    }

    /// <summary>Writes a package for each task, one after the other.</summary>
    private static (MethodStorage Account, long First, long Most) Apart(
        PlannedMethod planned, PeftMethod method, TrainedAdapters trained, TaskDefinition task, string source, Backbone backbone, string place,
        CancellationToken cancellation)
    {
        long first = 0, sum = 0, parameters = 0, head = 0;
        for (var number = 1; number <= StorageAccount.MostWritten; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var rng = new Rng(number, Device.Cpu);
            using var model = Model(task, number, backbone, trained.Attach("task", rng), rng);
            var package = TaskModelPackage.Save(model, place, source);
            sum += Bytes(package.Folder);
            if (number == 1)
            {
                (first, parameters, head) = (sum, CompactForm.CountParameters(model.Adapter, backbone.Sites), model.Head.Parameters().Sum(p => p.Value.Count));
            }
        }

        return (new MethodStorage(planned.Name, method.Name, parameters, head, first - (sizeof(float) * (parameters + head)), 0, []), first, sum);
    }

    /// <summary>
    /// Writes a package of tasks that share an adapter and takes all but one of them away: what remains at no task is shared.
    /// </summary>
    private static (MethodStorage Account, long First, long Most) Together(
        PlannedMethod planned, PeftMethod method, TrainedAdapters trained, TaskDefinition task, string source, Backbone backbone, string place,
        CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var rng = new Rng(1, Device.Cpu);
        List<int> numbers = [.. Enumerable.Range(1, StorageAccount.MostWritten)];
        var adapter = trained.Attach("task", rng, method.SharesAcrossTasks ? numbers.ConvertAll(Name) : null);
        using var models = new TaskModels(numbers.ConvertAll(number => Model(task, number, backbone, adapter, rng)));
        var package = TaskModelPackage.Save(models, place, source);
        var (shared, most) = (package.SharedBytes, Bytes(package.Folder));
        numbers.Skip(1).ToList().ForEach(number => package.RemoveTask(Name(number)));
        var first = Bytes(package.Folder);

        // What is kept beside float32 numbers, such as masks as bits, counts as the numbers that fill as many bytes.
        using var own = SafetensorsFile.Open(package.Task(Name(1)).AdapterPath);
        var parameters = own.Keys.Sum(k => own.Info(k).Shape.Aggregate(1L, (product, n) => product * n) * own.Info(k).DType.SizeOf()) / sizeof(float);
        var head = models.Models[0].Head.Parameters().Sum(p => p.Value.Count);
        return (new MethodStorage(planned.Name, method.Name, parameters, head, first - shared - (sizeof(float) * (parameters + head)), shared, []), first, most);
    }

    private static TaskModel Model(TaskDefinition task, int number, Backbone backbone, Adapter adapter, Rng rng) => new(
        task with { Name = Name(number) }, backbone, adapter, HeadSettings.Create(Head(task, backbone), backbone, rng),
        TaskModel.Room(backbone, adapter.Method, adapter.Config));

    private static HeadConfig Head(TaskDefinition task, Backbone backbone) => backbone.Config.Decoder is null
        ? new PooledHeadConfig(task.Kind, task.Outputs)
        : new TextHeadConfig(task.Kind, task.Outputs, TextFormat.Of(task), Longest: 3);

    private static string Name(int number) => $"task-{number}";

    private static long Bytes(string folder) => new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
}
