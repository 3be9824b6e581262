using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Torch;

namespace Graft.TestKit;

/// <summary>
/// A Hugging Face model folder of a tiny BERT or T5 with a vocabulary of made-up words, and a task that it can learn, for tests that go from files
/// to files. Deleted on disposal.
/// </summary>
public sealed class TinyModelFolder : IDisposable
{
    private static readonly string[] s_special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

    public TinyModelFolder(double dropout = 0.1, bool t5 = false)
    {
        Root = Directory.CreateTempSubdirectory("graft-tiny-").FullName;
        Model = Directory.CreateDirectory(Path.Combine(Root, "model")).FullName;
        if (t5)
        {
            TinyT5Folder.Write(Model, dropout: dropout);
        }
        else
        {
            Write(Model, s_special.Concat(Words), dropout: dropout);
        }
    }

    /// <summary>The vocabulary's ordinary words.</summary>
    public static IReadOnlyList<string> Words { get; } =
        [.. Enumerable.Range(0, TinyBackbones.Vocabulary - s_special.Length).Select(i => $"{(char)('a' + (i % 26))}{(char)('a' + (i / 26))}")];

    public string Root { get; }

    public string Model { get; }

    /// <summary>
    /// Writes a task with three labels, decided by the first word, as tab-separated files with a task file beside them.
    /// </summary>
    /// <returns>The task file.</returns>
    public string WriteTask(string name = "letters", int train = 96, int dev = 30, int test = 30, int seed = 1)
    {
        var random = new Random(seed);
        foreach (var (split, count) in new[] { ("train", train), ("dev", dev), ("test", test) })
        {
            var text = new StringBuilder("text\tlabel\n");
            for (var i = 0; i < count; i++)
            {
                var words = Enumerable.Range(0, random.Next(2, 12)).Select(_ => random.Next(Words.Count)).ToArray();
                text.Append(CultureInfo.InvariantCulture, $"{string.Join(' ', words.Select(w => Words[w]))}\tlabel{words[0] % 3}\n");
            }

            File.WriteAllText(Path.Combine(Root, $"{name}.{split}.tsv"), text.ToString());
        }

        var task = new JsonObject
        {
            ["name"] = name,
            ["kind"] = "classification",
            ["format"] = "tsv",
            ["header"] = true,
            ["quote"] = "none",
            ["text"] = "text",
            ["label"] = "label",
            ["metrics"] = new JsonArray("accuracy", "macro_f1"),
            ["files"] = new JsonObject { ["train"] = $"{name}.train.tsv", ["dev"] = $"{name}.dev.tsv", ["test"] = $"{name}.test.tsv" },
        };
        var path = Path.Combine(Root, name + ".task.json");
        File.WriteAllText(path, task.ToJsonString());
        return path;
    }

    /// <summary>Gives the BERT a pretrained pooler.</summary>
    public void AddPooler()
    {
        var weights = Path.Combine(Model, "model.safetensors");
        using (var scope = new TensorScope())
        {
            using var rng = new Rng(3, Device.Cpu);
            using var plain = Backbone.Load(Model);
            SafetensorsWriter.Write(weights + ".new", plain.NamedParameters().Select(p => SafetensorsEntry.From(p.Path, p.Parameter.Value)).Concat(
            [
                SafetensorsEntry.From("pooler.dense.weight", rng.Normal([TinyBackbones.Width, TinyBackbones.Width], 0, 0.2)),
                SafetensorsEntry.From("pooler.dense.bias", rng.Normal([TinyBackbones.Width], 0, 0.2)),
            ]));
        }

        File.Move(weights + ".new", weights, overwrite: true);
    }

    /// <summary>Writes a tiny BERT with a vocabulary of <see cref="TinyBackbones.Vocabulary"/> tokens as a Hugging Face folder.</summary>
    public static void Write(string folder, IEnumerable<string> vocabulary, int layers = 2, double dropout = 0.1)
    {
        Directory.CreateDirectory(folder);
        using var backbone = TinyBackbones.Create("bert", layers: layers);
        using var scope = new TensorScope();
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"),
            backbone.NamedParameters().Select(p => SafetensorsEntry.From(p.Path, p.Parameter.Value)));
        var config = new JsonObject
        {
            ["model_type"] = "bert",
            ["hidden_size"] = TinyBackbones.Width,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = 4,
            ["intermediate_size"] = 32,
            ["vocab_size"] = TinyBackbones.Vocabulary,
            ["max_position_embeddings"] = 32,
            ["hidden_dropout_prob"] = dropout,
            ["attention_probs_dropout_prob"] = dropout,
        };
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), vocabulary);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
