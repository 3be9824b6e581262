using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Text.Making;

/// <summary>Writes BERT's tokenizer of a vocabulary in the files of a Hugging Face folder: tokenizer.json, vocab.txt, tokenizer_config.json. Stateless.</summary>
internal static class WordPieceFiles
{
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the files.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="tokens">The tokens in the order of their ids, special ones first.</param>
    /// <param name="lowercase">Whether the model is uncased.</param>
    /// <param name="longest">The most tokens of a text.</param>
    /// <exception cref="GraftException">A file cannot be written.</exception>
    public static void Write(string folder, IReadOnlyList<string> tokens, bool lowercase, int longest)
    {
        WriteText(Path.Combine(folder, "vocab.txt"), string.Concat(tokens.Select(t => t + "\n")));
        WriteText(Path.Combine(folder, "tokenizer.json"), Tokenizer(tokens, lowercase).ToJsonString(s_readable) + "\n");
        var config = new JsonObject { ["tokenizer_class"] = "BertTokenizer", ["do_lower_case"] = lowercase, ["model_max_length"] = longest };
        WriteText(Path.Combine(folder, "tokenizer_config.json"), config.ToJsonString(s_readable) + "\n");
    }

    private static void WriteText(string path, string text) => AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    private static JsonObject Tokenizer(IReadOnlyList<string> tokens, bool lowercase)
    {
        var (start, end) = (IdOf("[CLS]"), IdOf("[SEP]"));
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. WordPieceTrainer.Special.Select(token => (JsonNode)new JsonObject
            {
                ["id"] = IdOf(token), ["content"] = token, ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true,
            })]),
            ["normalizer"] = new JsonObject
            {
                ["type"] = "BertNormalizer", ["clean_text"] = true, ["handle_chinese_chars"] = true, ["strip_accents"] = null, ["lowercase"] = lowercase,
            },
            ["pre_tokenizer"] = new JsonObject { ["type"] = "BertPreTokenizer" },
            ["post_processor"] = new JsonObject
            {
                ["type"] = "TemplateProcessing",
                ["single"] = new JsonArray(Special("[CLS]", 0), Sequence("A", 0), Special("[SEP]", 0)),
                ["pair"] = new JsonArray(Special("[CLS]", 0), Sequence("A", 0), Special("[SEP]", 0), Sequence("B", 1), Special("[SEP]", 1)),
                ["special_tokens"] = new JsonObject { ["[CLS]"] = Template("[CLS]", start), ["[SEP]"] = Template("[SEP]", end) },
            },
            ["decoder"] = new JsonObject { ["type"] = "WordPiece", ["prefix"] = WordPieceTrainer.Continues, ["cleanup"] = true },
            ["model"] = new JsonObject
            {
                ["type"] = "WordPiece",
                ["unk_token"] = "[UNK]",
                ["continuing_subword_prefix"] = WordPieceTrainer.Continues,
                ["max_input_chars_per_word"] = 100,
                ["vocab"] = new JsonObject(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))),
            },
        };

        int IdOf(string token) => ((List<string>)[.. tokens]).IndexOf(token);
    }

    private static JsonObject Special(string token, int segment) => new() { ["SpecialToken"] = new JsonObject { ["id"] = token, ["type_id"] = segment } };

    private static JsonObject Sequence(string name, int segment) => new() { ["Sequence"] = new JsonObject { ["id"] = name, ["type_id"] = segment } };

    private static JsonObject Template(string token, int id) => new() { ["id"] = token, ["ids"] = new JsonArray(id), ["tokens"] = new JsonArray(token) };
}
