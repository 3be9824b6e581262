using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Models;
using Graft.Methods.Core;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What <c>graft merge</c> did.</summary>
/// <param name="Folder">The model folder.</param>
/// <param name="Architecture">The Hugging Face class of the model.</param>
/// <param name="HeadInModel">Whether that class has the head; otherwise <paramref name="HeadPackage"/> alone does.</param>
/// <param name="HeadPackage">The folder of the head as a package on the merged model.</param>
/// <param name="Labels">The labels in the order of the logits.</param>
/// <param name="Probes">The seeded rows of tokens that were compared.</param>
/// <param name="MaxAbsoluteDifference">The largest difference of a logit between the package and the folder as read back.</param>
/// <param name="MaxRelativeDifference">That difference divided by the largest magnitude of a logit.</param>
/// <param name="Tolerance">The largest relative difference that was allowed.</param>
public sealed record MergeReport(
    string Folder, string Architecture, bool HeadInModel, string HeadPackage, IReadOnlyList<string> Labels, int Probes,
    double MaxAbsoluteDifference, double MaxRelativeDifference, double Tolerance)
{
    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["folder"] = Folder,
        ["architecture"] = Architecture,
        ["headInModel"] = HeadInModel,
        ["headPackage"] = HeadPackage,
        ["labels"] = new JsonArray([.. Labels.Select(l => (JsonNode?)l)]),
        ["probes"] = Probes,
        ["maxAbsoluteDifference"] = MaxAbsoluteDifference,
        ["maxRelativeDifference"] = MaxRelativeDifference,
        ["tolerance"] = Tolerance,
    };
}

/// <summary>
/// Folds a package into its backbone and writes the result as a plain Hugging Face model folder: what <c>graft merge</c> does. The
/// backbone's own folder stays as it is. Stateless.
/// </summary>
public static class Merge
{
    /// <summary>The folder of the head within the model folder.</summary>
    public const string HeadFolder = "head-package";

    private const int Rows = 16;
    private const int Longest = 48;
    private const int Written = 6;

    /// <summary>Merges a package.</summary>
    /// <param name="package">The package's folder, or <c>FOLDER#TASK</c>.</param>
    /// <param name="destination">The folder to write; it must not exist, or be empty.</param>
    /// <param name="backbone">A backbone's folder or name; null for the one that the package names.</param>
    /// <param name="tolerance">The largest relative difference of logits that is allowed.</param>
    /// <exception cref="GraftException">The method cannot be merged, answers would change, or a folder is at fault; nothing is written then.</exception>
    public static MergeReport Run(string package, string destination, string? backbone = null, double tolerance = 1e-4)
    {
        ArgumentException.ThrowIfNullOrEmpty(destination);
        if (File.Exists(destination) || (Directory.Exists(destination) && Directory.EnumerateFileSystemEntries(destination).Any()))
        {
            throw new GraftException($"'{destination}' holds something already; name a new folder for the merged model.");
        }

        using var model = GraftModel.Load(package, backbone);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var task = model.Models[0];
        var probe = Probe(model.Backbone, task);
        var expected = task.Forward(probe).Logits;

        // A task of several merges as the adapter of its own that computes the same, where there is one.
        using var alone = task.Adapter.Method.SharesAcrossTasks ? task.Adapter.Method.Standalone(task.Adapter, task.Task.Name, model.Backbone) : null;
        using var merged = WeightMerger.Merge(model.Backbone, alone ?? task.Adapter, probe, tolerance, output => task.Head.Forward(output, probe.Mask));
        var type = model.Backbone.Config.ModelType;
        var found = HeadExport.Find(type, task.Task, task.Head);
        var head = found ?? HeadExport.Bare(type);
        var report = new MergeReport(
            destination, head.Architecture, found is not null, Path.Combine(destination, HeadFolder), task.Task.Labels, Rows,
            merged.MaxAbsoluteDifference, merged.MaxRelativeDifference, tolerance);
        AtomicFolder.Replace(destination, place =>
        {
            ModelFolderWriter.Write(place, model.Backbone, model.BackboneFolder, head);
            report = Finish(place, task, probe, expected, report);
        });
        return report;
    }

    // What was written is read back as any other model: its answers are the ones that are reported.
    private static MergeReport Finish(string place, TaskModel trained, BackboneInput probe, Tensor expected, MergeReport report)
    {
        using var written = Backbone.Load(place, new BackboneOptions(Pooler: trained.Head.Config is PooledHeadConfig { Pooling: Pooling.Pooler }, EncoderOnly: trained.Head is not TextHead));
        using var rng = new Rng(0);
        var none = PeftMethods.Get("head");
        var head = HeadSettings.Create(trained.Head.Config, written, rng);
        foreach (var ((_, to), (_, from)) in head.NamedParameters().Zip(trained.Head.NamedParameters()))
        {
            to.Assign(from);
        }

        using var model = new TaskModel(trained.Task, written, none.Attach(written, trained.Task.Name, none.Defaults, rng), head, trained.MaxTokens);
        var (absolute, relative) = WeightMerger.Difference(expected, model.Forward(probe).Logits);
        if (!(relative <= report.Tolerance))
        {
            throw new GraftException(
                $"The folder as read back would change answers by {relative:G3} (relative), more than {report.Tolerance:G3}; nothing was written, keep the package as it is.");
        }

        TaskModelPackage.Save(model, Path.Combine(place, HeadFolder), Path.GetFileName(Path.TrimEndingDirectorySeparator(report.Folder)));
        return report with { MaxAbsoluteDifference = absolute, MaxRelativeDifference = relative };
    }

    private static BackboneInput Probe(Backbone backbone, TaskModel task)
    {
        var longest = Math.Min(Longest, task.MaxTokens);
        var random = new Random(0);
        var ids = new long[Rows * longest];
        var mask = new float[ids.Length];
        for (var row = 0; row < Rows; row++)
        {
            var length = row == 0 ? longest : random.Next(1, longest + 1);
            for (var t = 0; t < length; t++)
            {
                (ids[(row * longest) + t], mask[(row * longest) + t]) = (random.Next(2, backbone.Config.VocabularySize), 1);
            }
        }

        var input = new BackboneInput(Tensor.From(ids, Rows, longest), Tensor.From(mask, Rows, longest));
        if (task.Head is not TextHead || backbone.Config.Decoder is not { } decoder)
        {
            return input;
        }

        var read = Enumerable.Range(0, Rows * Written).Select(i => i % Written == 0 ? decoder.StartId : (long)random.Next(2, backbone.Config.VocabularySize));
        return input with { DecoderIds = Tensor.From([.. read], Rows, Written) };
    }
}
