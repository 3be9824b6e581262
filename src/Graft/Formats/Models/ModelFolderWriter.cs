using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Torch;

namespace Graft.Formats.Models;

/// <summary>What a model folder holds beyond the backbone: a head in the words of the Hugging Face class that has it.</summary>
/// <param name="Architecture">The class, such as <c>BertForSequenceClassification</c>.</param>
/// <param name="Prefix">What stands in front of the backbone's keys in that class, such as <c>bert.</c>; empty for the bare model.</param>
/// <param name="Tensors">The head's weights by their whole keys; borrowed.</param>
/// <param name="Config">The fields of <c>config.json</c> that the class needs.</param>
public sealed record ModelHead(string Architecture, string Prefix, IReadOnlyList<(string Key, Tensor Value)> Tensors, JsonObject Config);

/// <summary>Writes a backbone as a Hugging Face model folder: <c>config.json</c>, <c>model.safetensors</c>, the tokenizer's files. Stateless.</summary>
public static class ModelFolderWriter
{
    private const string Pooler = "pooler.";
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the files into a folder that is there and empty.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="backbone">The weights.</param>
    /// <param name="source">The folder that the backbone was loaded from: its settings, tokenizer, licences, and pooler where the backbone has none.</param>
    /// <param name="head">The head and the class of the whole.</param>
    /// <exception cref="GraftException">A file of the source cannot be read, or the disk is full.</exception>
    public static void Write(string folder, Backbone backbone, string source, ModelHead head)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        ArgumentNullException.ThrowIfNull(head);
        try
        {
            var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, ModelFolder.Config)))!.AsObject();
            config["architectures"] = new JsonArray(head.Architecture);
            foreach (var (key, value) in head.Config)
            {
                config[key] = value?.DeepClone();
            }

            AtomicFile.Write(Path.Combine(folder, ModelFolder.Config), stream => JsonSerializer.Serialize(stream, config, s_readable));
            using var files = WeightFiles.Open(source);
            SafetensorsWriter.Write(
                Path.Combine(folder, ModelFolder.Weights), Entries(backbone, files, head),
                new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" });
            var names = Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(source, path)).ToList();
            var licences = names.Where(n => n.StartsWith("LICENSE", StringComparison.OrdinalIgnoreCase));
            foreach (var name in ModelFolder.SmallFiles(names).Union(licences, StringComparer.Ordinal).Where(n => n != ModelFolder.Config))
            {
                var target = Path.Combine(folder, name);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.Copy(Path.Combine(source, name), target);
            }
        }
        catch (Exception e) when (FileFaults.Explains(e))
        {
            throw FileFaults.Describe(e, folder);
        }
    }

    private static List<SafetensorsEntry> Entries(Backbone backbone, WeightFiles files, ModelHead head)
    {
        var entries = new Dictionary<string, SafetensorsEntry>(StringComparer.Ordinal);
        foreach (var (key, value) in head.Tensors)
        {
            entries[key] = SafetensorsEntry.From(key, value);
        }

        foreach (var (key, parameter) in backbone.NamedParameters())
        {
            entries.TryAdd(head.Prefix + key, SafetensorsEntry.From(head.Prefix + key, parameter));
        }

        // The pooler belongs to the class of the bare model; without it a reader would make up a new one.
        foreach (var (fileKey, file) in files.ByKey)
        {
            var at = fileKey.IndexOf(Pooler, StringComparison.Ordinal);
            if (at >= 0 && head.Prefix + fileKey[at..] is var key && !entries.ContainsKey(key))
            {
                var info = file.Info(fileKey);
                entries[key] = new SafetensorsEntry(key, info.DType, [.. info.Shape], stream => stream.Write(file.Bytes(fileKey)));
            }
        }

        return [.. entries.Values];
    }
}
