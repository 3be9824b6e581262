using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Models;
using Graft.Formats.Sources;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes.Pretraining;

/// <summary>The model folder that pretraining leaves: the files of a Hugging Face model beside the run's own. Stateless.</summary>
internal static class PretrainedFolder
{
    /// <summary>The folder of an adapter that is not folded into the model.</summary>
    public const string AdapterName = "adapter";

    private const string Staging = ".model";
    private const string Tied = "tie_word_embeddings";

    /// <summary>Refuses a folder with something that another program made and that would be replaced, or one that the model is read from.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="read">Files and folders that are read for the model.</param>
    /// <exception cref="GraftException">It has a model, or a folder called as one of a run's, and no run; or something is read from it.</exception>
    public static void RefuseForeign(string folder, IEnumerable<string> read)
    {
        string[] mine = [.. ModelFolder.Names, FreshModel.FolderName, AdapterName, RunFolder.Training];
        if (!File.Exists(Path.Combine(folder, RunFolder.Settings)) && mine.FirstOrDefault(n => Path.Exists(Path.Combine(folder, n))) is { } foreign)
        {
            throw new GraftException($"'{folder}' holds '{foreign}', which graft pretrain did not make and would replace; give another --out.");
        }

        if (read.FirstOrDefault(r => RunFolder.Holds(folder, r)) is { } source)
        {
            throw new GraftException($"'{source}' lies in '{folder}', which becomes the new model; give another --out.");
        }
    }

    /// <summary>Takes away what an earlier run left, the config first, without which a folder is no model; the run's own files are not touched.</summary>
    /// <param name="folder">The folder of a run.</param>
    /// <exception cref="GraftException">A file cannot be deleted.</exception>
    public static void Clear(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        try
        {
            RemoveModel(folder, []);
            foreach (var name in new[] { FreshModel.FolderName, AdapterName, RunFolder.EventsName }.Where(n => Directory.Exists(Path.Combine(folder, n))))
            {
                Directory.Delete(Path.Combine(folder, name), recursive: true);
            }
        }
        catch (Exception fault) when (FileFaults.Explains(fault))
        {
            throw Unwritable(fault, folder);
        }
    }

    /// <summary>Writes a model; one of an earlier run is replaced, the config last, without which a folder is no model.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="backbone">The backbone, with its adapter folded in.</param>
    /// <param name="masked">The head for masked words; null for a backbone with a decoder.</param>
    /// <param name="source">The folder that the backbone was loaded from.</param>
    /// <returns>The Hugging Face class of the model.</returns>
    /// <exception cref="GraftException">A file cannot be written.</exception>
    public static string Write(string folder, Backbone backbone, MaskedWordHead? masked, string source)
    {
        var type = backbone.Config.ModelType;
        var head = masked is null
            ? HeadExport.Writer(type)
            : new ModelHead(backbone.MaskedHead!.Architecture, Architectures.PrefixOf(type), masked.Export(), []);
        Describe(head.Config, source, tied: masked is not null);
        var place = Path.Combine(folder, Staging);
        try
        {
            if (Directory.Exists(place))
            {
                Directory.Delete(place, recursive: true);
            }

            Directory.CreateDirectory(place);
            ModelFolderWriter.Write(place, backbone, source, head);
            var names = Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(place, f)).OrderBy(n => n == ModelFolder.Config).ToList();
            RemoveModel(folder, names);
            foreach (var name in names.SkipLast(1))
            {
                var target = Path.Combine(folder, name);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Move(Path.Combine(place, name), target, overwrite: true);
            }

            // What makes it a model is on the disk before the run counts as finished.
            AtomicFile.Write(Path.Combine(folder, ModelFolder.Config), stream => stream.Write(File.ReadAllBytes(Path.Combine(place, ModelFolder.Config))));

            Directory.Delete(place, recursive: true);
            return head.Architecture;
        }
        catch (Exception fault) when (FileFaults.Explains(fault.InnerException ?? fault))
        {
            throw Unwritable(fault.InnerException ?? fault, folder);
        }
    }

    // What the source's config says of its own weights is not so of those that are written: they are float32, and the head's decoder is the word embeddings.
    private static void Describe(JsonObject config, string source, bool tied)
    {
        var before = JsonNode.Parse(File.ReadAllText(Path.Combine(source, ModelFolder.Config)))!.AsObject();
        foreach (var key in new[] { "torch_dtype", "dtype" }.Where(before.ContainsKey))
        {
            config[key] = "float32";
        }

        if (tied && before.ContainsKey(Tied))
        {
            config[Tied] = true;
        }
    }

    private static GraftException Unwritable(Exception fault, string folder) => new(
        $"The model cannot be written to '{folder}' ({fault.Message.TrimEnd('.')}); free some space or make the folder writable, and go on with --resume.", fault);

    // A tokenizer's file of the old model beside those of the new one would be read as the new one's.
    private static void RemoveModel(string folder, IReadOnlyCollection<string> replaced)
    {
        File.Delete(Path.Combine(folder, ModelFolder.Config));
        foreach (var file in ModelFolder.Names.Except(replaced, StringComparer.Ordinal).Select(n => Path.Combine(folder, n)).Where(File.Exists))
        {
            File.Delete(file);
        }
    }
}
