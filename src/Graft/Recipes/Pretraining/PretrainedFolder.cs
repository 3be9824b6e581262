using Graft.Backbones;
using Graft.Formats.Models;
using Graft.Formats.Sources;
using Graft.Tasks.Corpora;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes.Pretraining;

/// <summary>The model folder that pretraining leaves: the files of a Hugging Face model beside the run's own. Stateless.</summary>
internal static class PretrainedFolder
{
    private const string Staging = ".model";

    /// <summary>Refuses a folder whose model something else made: it would be replaced.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="GraftException">It has a model and no run.</exception>
    public static void RefuseForeign(string folder)
    {
        if (File.Exists(Path.Combine(folder, ModelFolder.Config)) && !File.Exists(Path.Combine(folder, "run.json")))
        {
            throw new GraftException($"'{folder}' holds a model that graft pretrain did not make; give another --out.");
        }
    }

    /// <summary>Writes a model; one of an earlier run is replaced, the config last, without which a folder is no model.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">The model, whose backbone has its adapter folded in.</param>
    /// <param name="source">The folder that the backbone was loaded from.</param>
    /// <returns>The Hugging Face class of the model.</returns>
    /// <exception cref="GraftException">A file cannot be written.</exception>
    public static string Write(string folder, LanguageModel model, string source)
    {
        var type = model.Backbone.Config.ModelType;
        var head = model.Head is { } masked
            ? new ModelHead(model.Backbone.MaskedHead!.Architecture, Architectures.PrefixOf(type), masked.Export(), [])
            : HeadExport.Writer(type);
        var place = Path.Combine(folder, Staging);
        try
        {
            if (Directory.Exists(place))
            {
                Directory.Delete(place, recursive: true);
            }

            Directory.CreateDirectory(place);
            ModelFolderWriter.Write(place, model.Backbone, source, head);
            foreach (var file in Directory.EnumerateFiles(place, "*", SearchOption.AllDirectories).OrderBy(f => Path.GetFileName(f) == ModelFolder.Config).ToList())
            {
                var target = Path.Combine(folder, Path.GetRelativePath(place, file));
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Move(file, target, overwrite: true);
            }

            Directory.Delete(place, recursive: true);
            return head.Architecture;
        }
        catch (Exception fault) when (FileFaults.Explains(fault))
        {
            throw FileFaults.Describe(fault, folder);
        }
    }
}
