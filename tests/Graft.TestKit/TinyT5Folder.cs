using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Torch;

namespace Graft.TestKit;

/// <summary>A Hugging Face folder of a tiny T5 (v1.0) with a Unigram tokenizer, for tests that go from texts to texts.</summary>
public static class TinyT5Folder
{
    private const int Inner = 32;
    private const int Heads = 4;

    // The words of tiny tasks and of their sources, and the pieces of targets: numbers of labels, and scores with a point.
    private static readonly string[] s_pieces =
    [
        "<pad>", "</s>", "<unk>", "▁", ".", ",", "-", ":", .. Enumerable.Range(0, 10).SelectMany(d => new[] { $"▁{d}", $"{d}" }), "▁none",
        "▁letters", "▁text", "▁sentence", .. TinyModelFolder.Words.Select(w => "▁" + w), .. Enumerable.Range('a', 26).Select(c => $"{(char)c}"),
    ];

    /// <summary>The number of tokens.</summary>
    public static int Vocabulary => s_pieces.Length;

    /// <summary>Writes the folder.</summary>
    public static void Write(string folder, int layers = 2, double dropout = 0.1)
    {
        Directory.CreateDirectory(folder);
        using var rng = new Rng(7, Device.Cpu);
        using var backbone = new T5(
            new BackboneConfig("t5", TinyBackbones.Width, layers, Heads, Inner, Vocabulary, int.MaxValue) { Decoder = new DecoderConfig(layers, 0, 1, 0) },
            new T5Config(Dropout: dropout),
            new WeightSource(
                (key, shape) => key.EndsWith("layer_norm.weight", StringComparison.Ordinal) ? rng.Uniform(shape, 0.8, 1.2)
                    : rng.Normal(shape, 0, key == "shared.weight" ? 1 : 0.2),
                DType.Float32));
        using var scope = new TensorScope();
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"), backbone.NamedParameters().Select(p => SafetensorsEntry.From(p.Path, p.Parameter.Value)));
        File.WriteAllText(Path.Combine(folder, "config.json"), Config(layers, dropout).ToJsonString());
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), Tokenizer().ToJsonString());
    }

    /// <summary>Adds the placeholders of spans to a folder's tokenizer.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="count">The number of placeholders.</param>
    /// <returns>The tokenizer.</returns>
    public static Text.Tokenizer WithPlaceholders(string folder, int count)
    {
        var path = Path.Combine(folder, "tokenizer.json");
        var tokenizer = JsonNode.Parse(File.ReadAllText(path))!;
        for (var n = 0; n < count; n++)
        {
            tokenizer["added_tokens"]!.AsArray().Add(new JsonObject
            {
                ["id"] = Vocabulary + n, ["content"] = $"<extra_id_{n}>", ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
            });
        }

        File.WriteAllText(path, tokenizer.ToJsonString());
        return Text.Tokenizer.Load(folder);
    }

    private static JsonObject Config(int layers, double dropout) => new()
    {
        ["model_type"] = "t5",
        ["d_model"] = TinyBackbones.Width,
        ["d_kv"] = TinyBackbones.Width / Heads,
        ["d_ff"] = Inner,
        ["num_layers"] = layers,
        ["num_heads"] = Heads,
        ["vocab_size"] = Vocabulary,
        ["relative_attention_num_buckets"] = 32,
        ["dropout_rate"] = dropout,
        ["feed_forward_proj"] = "relu",
        ["decoder_start_token_id"] = 0,
        ["eos_token_id"] = 1,
        ["pad_token_id"] = 0,
    };

    private static JsonObject Tokenizer() => new()
    {
        ["version"] = "1.0",
        ["added_tokens"] = new JsonArray([.. s_pieces.Take(3).Select((token, id) => new JsonObject
        {
            ["id"] = id, ["content"] = token, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
        })]),
        ["normalizer"] = null,
        ["pre_tokenizer"] = new JsonObject { ["type"] = "Metaspace", ["replacement"] = "▁", ["add_prefix_space"] = true },
        ["post_processor"] = new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(Piece("Sequence", "A"), Piece("SpecialToken", "</s>")),
            ["pair"] = new JsonArray(Piece("Sequence", "A"), Piece("SpecialToken", "</s>"), Piece("Sequence", "B"), Piece("SpecialToken", "</s>")),
            ["special_tokens"] = new JsonObject
            {
                ["</s>"] = new JsonObject { ["id"] = "</s>", ["ids"] = new JsonArray(1), ["tokens"] = new JsonArray("</s>") },
            },
        },
        ["decoder"] = new JsonObject { ["type"] = "Metaspace", ["replacement"] = "▁", ["add_prefix_space"] = true },
        ["model"] = new JsonObject
        {
            ["type"] = "Unigram",
            ["unk_id"] = 2,
            ["vocab"] = new JsonArray([.. s_pieces.Select((piece, id) => new JsonArray(piece, id < 3 ? 0.0 : -1.0 - (1.0 / piece.Length)))]),
        },
    };

    private static JsonObject Piece(string kind, string id) => new() { [kind] = new JsonObject { ["id"] = id, ["type_id"] = 0 } };
}
