using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>
/// A trained adapter and its head as a folder: <c>graft.json</c>, <c>adapter.safetensors</c> and <c>head.safetensors</c>; or one task of a package of
/// several (<see cref="JointPackage"/>), whose files are in its folder there. Opening reads the manifest alone; weights are read into modules made
/// from it. Immutable and thread-safe.
/// </summary>
public sealed class AdapterPackage
{
    /// <summary>The manifest's file.</summary>
    public const string ManifestName = "graft.json";

    /// <summary>The file of the adapter's weights; it has no tensors where the method has no parameters.</summary>
    public const string AdapterName = "adapter.safetensors";

    /// <summary>The file of the head's weights.</summary>
    public const string HeadName = "head.safetensors";

    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private AdapterPackage(string folder, PackageManifest manifest) => (Folder, Manifest) = (folder, manifest);

    internal AdapterPackage(JointPackage joint, PackageManifest manifest)
        : this(joint.Folder, manifest) => Joint = joint;

    /// <summary>The package's folder.</summary>
    public string Folder { get; }

    /// <summary>What <c>graft.json</c> says, and <c>task.json</c> of a task of several.</summary>
    public PackageManifest Manifest { get; }

    /// <summary>The package of several tasks that this is one of; null for a package of its own.</summary>
    public JointPackage? Joint { get; }

    /// <summary>Whether it answers a task; otherwise it is an adapter that pretraining left.</summary>
    public bool HasTask => Manifest.Task.Kind != PackageTask.Pretraining;

    /// <summary>How a user names it: the folder, or <c>FOLDER#TASK</c>.</summary>
    public string Place => Joint is null ? Folder : new PackagePlace(Folder, Manifest.Task.Name).ToString();

    /// <summary>The folder of the files that are this task's alone.</summary>
    public string OwnFolder => Joint is null ? Folder : Joint.FolderOf(Manifest.Task.Name);

    /// <summary>The file that says what the task is.</summary>
    public string ManifestPath => Path.Combine(OwnFolder, Joint is null ? ManifestName : JointPackage.TaskName);

    /// <summary>The file of the adapter's weights; of a task of several, of those that are its own.</summary>
    public string AdapterPath => Path.Combine(OwnFolder, AdapterName);

    /// <summary>The file of the head's weights.</summary>
    public string HeadPath => Path.Combine(OwnFolder, HeadName);

    /// <summary>The size of the adapter's file in bytes; of a task of several, of its own.</summary>
    public long AdapterBytes => Manifest.AdapterFile.Bytes;

    /// <summary>The size of the head's file in bytes.</summary>
    public long HeadBytes => Manifest.HeadFile.Bytes;

    /// <summary>Whether a folder holds a package, good or bad.</summary>
    /// <param name="folder">The folder.</param>
    public static bool IsPackage(string folder) => File.Exists(Path.Combine(folder, ManifestName));

    /// <summary>Reads and checks the manifest of a package.</summary>
    /// <param name="place">The folder, or <c>FOLDER#TASK</c> for a task of a package of several.</param>
    /// <exception cref="GraftException">There is no package or task, a file is missing, or the manifest breaks a rule.</exception>
    public static AdapterPackage Open(string place)
    {
        var (folder, task) = PackagePlace.Parse(place);
        RequirePackage(folder);
        if (JointManifest.IsJoint(Path.Combine(folder, ManifestName)))
        {
            var joint = JointPackage.Open(folder);
            return joint.Task(task ?? joint.OnlyTask());
        }

        if (task is not null && PackageManifest.Load(Path.Combine(folder, ManifestName)).Task.Name != task)
        {
            throw new GraftException($"The package '{folder}' is of one task, which is not '{task}'; leave out '#{task}'.");
        }

        foreach (var (name, what) in new[] { (AdapterName, "adapter"), (HeadName, "head") })
        {
            if (!File.Exists(Path.Combine(folder, name)))
            {
                throw new GraftException($"The package '{folder}' has no {what}, {name} is missing; take the package from where it was trained again.");
            }
        }

        return new AdapterPackage(folder, PackageManifest.Load(Path.Combine(folder, ManifestName)));
    }

    /// <summary>Refuses a folder that holds no package.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="GraftException">There is none.</exception>
    internal static void RequirePackage(string folder)
    {
        if (AtomicFolder.LeftBehind(folder) is { } left)
        {
            throw new GraftException($"There is no package folder '{folder}', as the save that was to replace it was interrupted; the old one is whole in '{left}': move it back.");
        }

        if (!Directory.Exists(folder))
        {
            throw new GraftException($"There is no package folder '{folder}'; name a folder that training wrote (it holds {ManifestName}).");
        }

        if (!IsPackage(folder))
        {
            throw new GraftException($"The folder '{folder}' is no package, as it has no {ManifestName}; name a folder that training wrote.");
        }
    }

    /// <summary>Writes a package; one that is there is replaced in one step, so that a process that dies leaves the old or the new one.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="manifest">Makes the manifest once the files of adapter and head are written.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="head">The head.</param>
    /// <returns>The package.</returns>
    /// <exception cref="GraftException">The folder holds something else, the disk is full, or the place cannot be written; nothing changes then.</exception>
    public static AdapterPackage Save(string folder, Func<PackageFile, PackageFile, PackageManifest> manifest, Module adapter, Module head)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(head);
        RefuseForeign(folder);
        PackageManifest? written = null;
        AtomicFolder.Replace(folder, place => written = WriteInto(place, manifest, adapter, head));
        return new AdapterPackage(folder, written!);
    }

    /// <summary>Writes the files of a package into a folder that nobody reads yet.</summary>
    /// <param name="place">The folder.</param>
    /// <param name="manifest">Makes the manifest once the files of adapter and head are written.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="head">The head.</param>
    internal static PackageManifest WriteInto(string place, Func<PackageFile, PackageFile, PackageManifest> manifest, Module adapter, Module head)
    {
        var written = manifest(
            PackageWeights.Write(Path.Combine(place, AdapterName), adapter), PackageWeights.Write(Path.Combine(place, HeadName), head));
        WriteManifest(Path.Combine(place, ManifestName), written.ToJson());
        return written;
    }

    internal static void WriteManifest(string path, JsonObject manifest) =>
        AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, manifest, s_readable));

    /// <summary>The method that the manifest names.</summary>
    /// <exception cref="GraftException">There is no such method; the message names the nearest.</exception>
    public PeftMethod Method() => Method(Folder, Manifest.Method);

    internal static PeftMethod Method(string folder, string name)
    {
        try
        {
            return PeftMethods.Get(name);
        }
        catch (GraftException e)
        {
            throw new GraftException($"{Path.Combine(folder, ManifestName)}: {e.Message}", e);
        }
    }

    /// <summary>Refuses a backbone other than the one that the package was trained on.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <exception cref="GraftException">It is another one; the message names both.</exception>
    public void CheckBackbone(Backbone backbone) => CheckBackbone(Folder, Manifest.Backbone, backbone);

    internal static void CheckBackbone(string folder, PackageBackbone own, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        if (own.Fingerprint != backbone.Fingerprint)
        {
            throw new GraftException(
                $"The package '{folder}' was trained on the backbone '{own.Source}' ({own.ModelType}, {own.Layers} layers of width {own.HiddenSize}, " +
                $"fingerprint {Short(own.Fingerprint)}), and the one loaded is another ({backbone.Config.ModelType}, {backbone.Config.Layers} layers of width " +
                $"{backbone.Config.HiddenSize}, fingerprint {Short(backbone.Fingerprint)}); give the first with --backbone, or train the package again on the second.");
        }
    }

    /// <summary>Checks that the files of weights are those that the manifest was written with.</summary>
    /// <exception cref="GraftException">One is not; the message names it.</exception>
    public void CheckFiles()
    {
        Joint?.CheckShared();
        PackageWeights.CheckHash(AdapterPath, Manifest.AdapterFile);
        PackageWeights.CheckHash(HeadPath, Manifest.HeadFile);
    }

    /// <summary>Makes the adapter on a backbone and reads its weights, every key and shape accounted for.</summary>
    /// <param name="backbone">The backbone that the package was trained on; it is not changed.</param>
    /// <exception cref="GraftException">Another backbone, an unknown method or setting, or weights that do not fit or are damaged.</exception>
    public Adapter LoadAdapter(Backbone backbone)
    {
        if (Joint is not null)
        {
            return Joint.LoadAdapter(backbone, [Manifest.Task.Name]);
        }

        CheckBackbone(backbone);
        var method = Method();
        var path = Path.Combine(Folder, ManifestName);
        var config = method.ReadConfig(Manifest.Config, path);

        // Before anything is allocated: a damaged setting may ask for more memory than there is.
        var parameters = method.CountParameters(config, backbone.Sites);
        if (parameters != Manifest.AdapterFile.Parameters)
        {
            throw new GraftException(
                $"{path}: 'config' makes an adapter of {parameters} parameters, and the file says {Manifest.AdapterFile.Parameters}; take the package from where it was trained again.");
        }

        using var rng = new Rng(0, Device.Cpu);
        var adapter = method.Attach(backbone, Manifest.Task.Name, config, rng);
        return Filled(adapter, AdapterPath, Manifest.AdapterFile);
    }

    /// <summary>Reads the head's weights, every key and shape accounted for.</summary>
    /// <typeparam name="T">The type of the head.</typeparam>
    /// <param name="head">The head, made by the manifest's settings; disposed when its weights do not fit.</param>
    /// <returns>The same head.</returns>
    /// <exception cref="GraftException">The weights do not fit or are damaged.</exception>
    public T LoadHead<T>(T head)
        where T : Module => Filled(head, HeadPath, Manifest.HeadFile);

    private static T Filled<T>(T module, string path, PackageFile file)
        where T : Module
    {
        try
        {
            PackageWeights.Read(path, module, file);
            return module;
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    /// <summary>Refuses a place that holds anything else than a package, which writing would remove.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="GraftException">It does.</exception>
    internal static void RefuseForeign(string folder)
    {
        if (File.Exists(folder))
        {
            throw new GraftException($"'{folder}' is a file, expected a folder for the package; choose another place.");
        }

        if (!Directory.Exists(folder))
        {
            return;
        }

        var foreign = Foreign(folder, ManifestName, AdapterName, HeadName, JointPackage.TasksName).ToList();
        if (Directory.Exists(Path.Combine(folder, JointPackage.TasksName)))
        {
            foreign.AddRange(Directory.EnumerateDirectories(Path.Combine(folder, JointPackage.TasksName))
                .Where(t => !JointPackage.IsLeftover(t))
                .SelectMany(t => Foreign(t, JointPackage.TaskName, AdapterName, HeadName)));
        }

        if (foreign.Count > 0)
        {
            foreign.Sort(StringComparer.Ordinal);
            throw new GraftException($"The folder '{folder}' holds what is no part of a package ({Suggest.List(foreign)}); choose an empty or new folder.");
        }
    }

    private static IEnumerable<string> Foreign(string folder, params string[] own) =>
        Directory.EnumerateFileSystemEntries(folder).Select(p => Path.GetFileName(p)).Except(own, StringComparer.Ordinal);

    private static string Short(string fingerprint) => fingerprint.Length > 12 ? fingerprint[..12] : fingerprint;
}
