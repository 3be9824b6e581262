using Graft.Backbones;
using Graft.Evaluation;
using Graft.Formats.Packages;
using Graft.Formats.Sources;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Packages loaded on their backbone, ready to answer: what a program that uses Graft holds on to. Thread contract: any number of threads
/// may predict at once; disposing is for one, after them.
/// </summary>
public sealed class GraftModel : IDisposable
{
    private GraftModel(Backbone backbone, string folder, Tokenizer tokenizer, IReadOnlyList<TaskModel> models)
    {
        (Backbone, BackboneFolder, Models) = (backbone, folder, models);
        Predictor = new Predictor(backbone, tokenizer, models);
        Tokenizer = tokenizer;
    }

    /// <summary>The frozen model; owned.</summary>
    public Backbone Backbone { get; }

    /// <summary>The folder it was loaded from.</summary>
    public string BackboneFolder { get; }

    /// <summary>Its tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>What answers rows of any of the tasks.</summary>
    public Predictor Predictor { get; }

    /// <summary>The tasks that it answers.</summary>
    public IReadOnlyList<TaskDefinition> Tasks => Predictor.Tasks;

    internal IReadOnlyList<TaskModel> Models { get; }

    /// <summary>Loads a package and the backbone that it was trained on.</summary>
    /// <param name="package">The package's folder, or <c>FOLDER#TASK</c>.</param>
    /// <param name="backbone">A backbone's folder or name; null for the one that the package names.</param>
    /// <param name="options">Type and device of the backbone; null for the file's type on the CPU.</param>
    /// <exception cref="GraftException">The package or the backbone is missing, damaged, or they do not belong together.</exception>
    public static GraftModel Load(string package, string? backbone = null, BackboneOptions? options = null) => Load([package], backbone, options);

    /// <summary>Loads packages that were trained on one backbone, and the backbone.</summary>
    /// <param name="packages">The packages' folders, or <c>FOLDER#TASK</c>, at least one.</param>
    /// <param name="backbone">A backbone's folder or name; null for the one that the first package names.</param>
    /// <param name="options">Type and device of the backbone; null for the file's type on the CPU.</param>
    /// <exception cref="GraftException">A package or the backbone is missing, damaged, or they do not belong together.</exception>
    public static GraftModel Load(IReadOnlyList<string> packages, string? backbone = null, BackboneOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(packages);
        if (packages.Count == 0)
        {
            throw new GraftException("No package is named; name at least one folder that training wrote.");
        }

        var opened = packages.Select(AdapterPackage.Open).ToList();
        opened.ForEach(p => TaskModelPackage.Task(p));
        var folder = FindBackbone(opened[0].Folder, opened[0].Manifest.Backbone, backbone);
        var pooler = opened.Exists(p => TaskModelPackage.Head(p) is PooledHeadConfig { Pooling: Pooling.Pooler });
        var pooled = opened.Where(p => TaskModelPackage.Head(p) is not TextHeadConfig).Select(p => p.Manifest.Task.Name).ToList();
        var encoder = pooled.Count == opened.Count;
        if (pooled.Count > 0 && !encoder)
        {
            throw new GraftException(
                $"The packages of {Suggest.List(pooled)} stand on the encoder alone and the others on the decoder too, so they are models of their own; ask them apart.");
        }

        var loaded = Backbone.Load(folder, (options ?? new BackboneOptions()) with { Pooler = pooler, EncoderOnly = encoder });
        IReadOnlyList<TaskModel> models = [];
        try
        {
            models = TaskModelPackage.Load(opened, loaded);
            return new GraftModel(loaded, folder, Tokenizer.Load(folder), models);
        }
        catch
        {
            foreach (var model in models)
            {
                model.Dispose();
            }

            loaded.Dispose();
            throw;
        }
    }

    /// <summary>Answers one text, or a pair of texts, with the only package.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text of a task with two.</param>
    /// <exception cref="GraftException">Several packages are loaded, or a second text is missing or too many.</exception>
    public Answer Predict(string text, string? pair = null) => Predictor.Predict(new PredictionRow(OnlyTask(), text, pair));

    /// <summary>Answers one row of any of the tasks.</summary>
    /// <param name="row">The row.</param>
    /// <exception cref="GraftException">An unknown task, a second text too many, or one too few.</exception>
    public Answer Predict(PredictionRow row) => Predictor.Predict(row);

    /// <summary>Answers rows of any of the tasks, many in a pass.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>The answers, in the order of the rows.</returns>
    /// <exception cref="GraftException">An unknown task, a second text too many, or one too few.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Answer> Predict(IReadOnlyList<PredictionRow> rows, CancellationToken cancellation = default) =>
        Predictor.Predict(rows, cancellation: cancellation);

    /// <inheritdoc/>
    public void Dispose()
    {
        Predictor.Dispose();
        Backbone.Dispose();
    }

    /// <summary>The folder of the backbone of a package.</summary>
    /// <param name="package">The package's folder.</param>
    /// <param name="named">What the package says of it.</param>
    /// <param name="asked">What the user says; null for nothing.</param>
    /// <exception cref="GraftException">It is not here.</exception>
    internal static string FindBackbone(string package, PackageBackbone named, string? asked)
    {
        if (asked is not null)
        {
            return ModelSources.Resolve(asked);
        }

        var source = named.Source;
        try
        {
            return ModelSources.Resolve(source);
        }
        catch (GraftException e)
        {
            throw new GraftException(
                $"The package '{package}' was trained on the backbone '{source}', which is not found here ({e.Message.TrimEnd('.')}); name its folder with --backbone.", e);
        }
    }

    /// <summary>What a package calls its backbone, which is here.</summary>
    /// <param name="package">The package.</param>
    /// <exception cref="GraftException">It is not here.</exception>
    internal static string BackboneSource(AdapterPackage package)
    {
        FindBackbone(package.Folder, package.Manifest.Backbone, null);
        return package.Manifest.Backbone.Source;
    }

    private string OnlyTask() => Tasks.Count == 1
        ? Tasks[0].Name
        : throw new GraftException($"The packages answer {Tasks.Count} tasks ({Suggest.List([.. Tasks.Select(t => t.Name)])}); name the task of the row.");
}
