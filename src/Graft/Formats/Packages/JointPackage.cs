using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>What a package of several tasks keeps of one of them. Immutable; the head is borrowed.</summary>
/// <param name="Task">What is predicted; it names the task within the adapter, too.</param>
/// <param name="HeadSettings">The settings of the head.</param>
/// <param name="Head">The head.</param>
/// <param name="MaxTokens">The longest row in tokens.</param>
/// <param name="Training">How it was trained and what came of it.</param>
public sealed record JointTask(PackageTask Task, JsonObject HeadSettings, Module Head, int MaxTokens, JsonObject Training);

/// <summary>
/// A trained adapter of several tasks as a folder: <c>graft.json</c> and <c>adapter.safetensors</c> for what they share, and in <c>tasks/NAME/</c> each
/// task's <c>task.json</c>, <c>adapter.safetensors</c> (what is its alone) and <c>head.safetensors</c>. A task is added or taken away without a change of
/// any other file. Opening reads the manifests alone. Immutable and thread-safe; changing the folder is for one process at a time.
/// </summary>
public sealed class JointPackage
{
    /// <summary>The folder of the tasks.</summary>
    public const string TasksName = "tasks";

    /// <summary>The file that describes a task, in its folder.</summary>
    public const string TaskName = "task.json";

    private readonly IReadOnlyList<TaskManifest> _tasks;

    private JointPackage(string folder, JointManifest manifest, IReadOnlyList<TaskManifest> tasks) => (Folder, Manifest, _tasks) = (folder, manifest, tasks);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>What <c>graft.json</c> says.</summary>
    public JointManifest Manifest { get; }

    /// <summary>The tasks, in the order in which they were trained and added.</summary>
    public IReadOnlyList<string> Tasks => field ??= [.. _tasks.Select(t => t.Task.Name)];

    /// <summary>Where each task lies, as <c>FOLDER#TASK</c>, in the same order.</summary>
    public IReadOnlyList<string> Places => field ??= [.. Tasks.Select(t => new PackagePlace(Folder, t).ToString())];

    /// <summary>The bytes of what the tasks share: weights and manifest.</summary>
    public long SharedBytes => Manifest.AdapterFile.Bytes + new FileInfo(Path.Combine(Folder, AdapterPackage.ManifestName)).Length;

    /// <summary>Whether a folder holds a package of several tasks, good or bad.</summary>
    /// <param name="folder">The folder.</param>
    public static bool IsJoint(string folder) => AdapterPackage.IsPackage(folder) && JointManifest.IsJoint(Path.Combine(folder, AdapterPackage.ManifestName));

    /// <summary>Reads and checks the manifests of a package.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="GraftException">There is no package of several tasks, a file is missing, or a manifest breaks a rule.</exception>
    public static JointPackage Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        AdapterPackage.RequirePackage(folder);
        var path = Path.Combine(folder, AdapterPackage.ManifestName);
        if (JointManifest.IsOfOneTask(path))
        {
            throw new GraftException($"The package '{folder}' is of one task, and one that several tasks share is needed; train them together (--share, or a method made for several tasks).");
        }

        var manifest = JointManifest.Load(path);
        Require(folder, AdapterPackage.AdapterName, "the shared weights");
        var place = Path.Combine(folder, TasksName);
        var tasks = Directory.Exists(place) ? Directory.EnumerateDirectories(place).Where(d => !IsLeftover(d)).Select(d => OpenTask(d, manifest)).ToList() : [];
        return new JointPackage(folder, manifest, [.. tasks.OrderBy(t => t.Number).ThenBy(t => t.Task.Name, StringComparer.Ordinal)]);
    }

    /// <summary>Writes a package; one that is there is replaced in one step, so that a process that dies leaves the old or the new one.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="manifest">Makes the manifest once the shared file is written.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="tasks">Its tasks, at least one.</param>
    /// <exception cref="GraftException">The folder holds something else, the disk is full, or the place cannot be written; nothing changes then.</exception>
    public static JointPackage Save(string folder, Func<PackageFile, JointManifest> manifest, Adapter adapter, IReadOnlyList<JointTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(tasks);
        AdapterPackage.RefuseForeign(folder);
        AtomicFolder.Replace(folder, place =>
        {
            var shared = manifest(PackageWeights.Write(Path.Combine(place, AdapterPackage.AdapterName), adapter, path => adapter.TaskOf(path) is null));
            for (var i = 0; i < tasks.Count; i++)
            {
                AtomicFolder.Replace(Path.Combine(place, TasksName, tasks[i].Task.Name), own => WriteTask(own, adapter, tasks[i], shared.AdapterFile, i + 1));
            }

            AdapterPackage.WriteManifest(Path.Combine(place, AdapterPackage.ManifestName), shared.ToJson());
        });
        return Open(folder);
    }

    /// <summary>One task as a package.</summary>
    /// <param name="name">The task.</param>
    /// <exception cref="GraftException">The package does not hold it.</exception>
    public AdapterPackage Task(string name)
    {
        var task = _tasks.FirstOrDefault(t => t.Task.Name == name)
            ?? throw new GraftException($"The package '{Folder}' does not hold the task '{name}'; {Suggest.Hint(name, Tasks)}");
        return new AdapterPackage(this, new PackageManifest(
            Manifest.Method, Manifest.Config, task.Task, task.Head, task.MaxTokens, Manifest.Backbone, task.Training, task.Versions)
        {
            AdapterFile = task.AdapterFile,
            HeadFile = task.HeadFile,
            SharedFile = Manifest.AdapterFile,
        });
    }

    /// <summary>The folder of a task's files.</summary>
    /// <param name="task">The task.</param>
    public string FolderOf(string task) => Path.Combine(Folder, TasksName, task);

    /// <summary>Makes the adapter of some tasks on a backbone and reads its weights, every key and shape accounted for.</summary>
    /// <param name="backbone">The backbone that the package was trained on; it is not changed.</param>
    /// <param name="tasks">The tasks; null for all.</param>
    /// <exception cref="GraftException">An unknown task, another backbone, an unknown method or setting, or weights that do not fit or are damaged.</exception>
    public Adapter LoadAdapter(Backbone backbone, IReadOnlyList<string>? tasks = null)
    {
        AdapterPackage.CheckBackbone(Folder, Manifest.Backbone, backbone);
        var path = Path.Combine(Folder, AdapterPackage.ManifestName);
        var method = AdapterPackage.Method(Folder, Manifest.Method);
        var config = method.ReadConfig(Manifest.Config, path);
        var own = (tasks ?? Tasks).Select(Task).ToList();

        // Before anything is allocated: a damaged setting may ask for more memory than there is.
        var parameters = method.CountParameters(config, backbone.Sites, method.SharesAcrossTasks ? own.Count : 1);
        if (parameters != Manifest.AdapterFile.Parameters + own.Sum(t => t.Manifest.AdapterFile.Parameters))
        {
            throw new GraftException(
                $"{path}: 'config' makes an adapter of {parameters} parameters for {own.Count} tasks, and the files have another number; take the package from where it was trained again.");
        }

        using var rng = new Rng(0, Device.Cpu);
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(Folder)));
        var adapter = method.Attach(backbone, name, config, rng, method.SharesAcrossTasks ? [.. own.Select(t => t.Manifest.Task.Name)] : null);
        try
        {
            PackageWeights.Read(Path.Combine(Folder, AdapterPackage.AdapterName), adapter, Manifest.AdapterFile, p => adapter.TaskOf(p) is null);
            own.ForEach(t => PackageWeights.Read(t.AdapterPath, adapter, t.Manifest.AdapterFile, p => adapter.TaskOf(p) == t.Manifest.Task.Name));
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <summary>Checks that the shared weights are those that the manifests were written with.</summary>
    /// <exception cref="GraftException">They are not.</exception>
    public void CheckShared() => PackageWeights.CheckHash(Path.Combine(Folder, AdapterPackage.AdapterName), Manifest.AdapterFile);

    /// <summary>
    /// Adds a task, or replaces one, in one step; no other file is touched. What the adapter shares has to be the package's, bit for bit: other tasks would
    /// answer otherwise with it.
    /// </summary>
    /// <param name="adapter">The adapter in the form that packages keep, which holds the task.</param>
    /// <param name="task">The task.</param>
    /// <exception cref="GraftException">The adapter shares something else, the disk is full, or the place cannot be written; nothing changes then.</exception>
    public JointPackage AddTask(Adapter adapter, JointTask task)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(task);
        var number = _tasks.FirstOrDefault(t => t.Task.Name == task.Task.Name)?.Number ?? _tasks.Select(t => t.Number).DefaultIfEmpty(0).Max() + 1;
        AtomicFolder.Replace(FolderOf(task.Task.Name), place =>
        {
            var shared = Path.Combine(place, "shared");
            if (PackageWeights.Write(shared, adapter, path => adapter.TaskOf(path) is null).Sha256 != Manifest.AdapterFile.Sha256)
            {
                throw new GraftException(
                    $"The task '{task.Task.Name}' cannot be added to '{Folder}', as what its adapter shares with other tasks is not the package's; train with that frozen, or save a package of its own.");
            }

            File.Delete(shared);
            WriteTask(place, adapter, task, Manifest.AdapterFile, number);
        });
        return Open(Folder);
    }

    /// <summary>Takes a task away; no other file is touched.</summary>
    /// <param name="task">The task.</param>
    /// <exception cref="GraftException">The package does not hold it, or the place cannot be written.</exception>
    public JointPackage RemoveTask(string task)
    {
        var folder = Task(task).OwnFolder;
        try
        {
            // The rename takes the task away in one step; a process that dies here leaves a folder that nobody reads.
            var gone = Path.Combine(Folder, TasksName, $".{task}.{Guid.NewGuid():N}.tmp");
            Directory.Move(folder, gone);
            Directory.Delete(gone, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"The task '{task}' cannot be taken out of '{Folder}' ({e.Message.TrimEnd('.')}); check the permissions.", e);
        }

        return Open(Folder);
    }

    /// <summary>Writes a copy of the whole package, file by file.</summary>
    /// <param name="folder">The copy's folder.</param>
    /// <exception cref="GraftException">The folder holds something else, the disk is full, or the place cannot be written; nothing changes then.</exception>
    public JointPackage CopyTo(string folder)
    {
        AdapterPackage.RefuseForeign(folder);
        AtomicFolder.Replace(folder, place =>
        {
            foreach (var file in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Where(f => !IsLeftover(Path.GetDirectoryName(f)!)))
            {
                var target = Path.Combine(place, Path.GetRelativePath(Folder, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                using var source = File.OpenRead(file);
                AtomicFile.Write(target, source.CopyTo);
            }
        });
        return Open(folder);
    }

    /// <summary>The only task.</summary>
    /// <exception cref="GraftException">There are none or several.</exception>
    internal string OnlyTask() => Tasks.Count == 1 ? Tasks[0] : throw new GraftException(
        Tasks.Count == 0 ? $"The package '{Folder}' holds no task; add one with 'graft adapt'."
        : $"The package '{Folder}' holds {Tasks.Count} tasks ({Suggest.List(Tasks)}); name one, as in '{Folder}#{Tasks[0]}'.");

    private static void WriteTask(string place, Adapter adapter, JointTask task, PackageFile shared, int number)
    {
        var own = PackageWeights.Write(Path.Combine(place, AdapterPackage.AdapterName), adapter, path => adapter.TaskOf(path) == task.Task.Name);
        var head = PackageWeights.Write(Path.Combine(place, AdapterPackage.HeadName), task.Head);
        var manifest = new TaskManifest(number, shared.Sha256, task.Task, task.HeadSettings, task.MaxTokens, task.Training, PackageManifest.OwnVersions())
        {
            AdapterFile = own,
            HeadFile = head,
        };
        AdapterPackage.WriteManifest(Path.Combine(place, TaskName), manifest.ToJson());
    }

    private static TaskManifest OpenTask(string folder, JointManifest manifest)
    {
        foreach (var (name, what) in new[] { (TaskName, "description"), (AdapterPackage.AdapterName, "own weights"), (AdapterPackage.HeadName, "head") })
        {
            Require(folder, name, $"the task's {what}");
        }

        var path = Path.Combine(folder, TaskName);
        var task = TaskManifest.Load(path);
        if (task.Task.Name != Path.GetFileName(folder))
        {
            throw new GraftException($"{path}: 'task.name' is '{task.Task.Name}' in a folder of another name; a task's folder is called as the task, name it so.");
        }

        return task.Shared == manifest.AdapterFile.Sha256 ? task : throw new GraftException(
            $"{path}: the task belongs to other shared weights than '{AdapterPackage.AdapterName}' of this package; take the task and the package from where they were trained together.");
    }

    private static void Require(string folder, string name, string what)
    {
        if (!File.Exists(Path.Combine(folder, name)))
        {
            throw new GraftException($"The package's folder '{folder}' lacks {what}, {name} is missing; take the package from where it was trained again.");
        }
    }

    // A process that died while it wrote a task leaves such a folder.
    /// <summary>Whether a folder is what a process left that died while it added a task.</summary>
    /// <param name="folder">A folder beside those of tasks.</param>
    internal static bool IsLeftover(string folder) => Path.GetFileName(folder) is var name && name.StartsWith('.') && name.Contains(".tmp", StringComparison.Ordinal);
}
