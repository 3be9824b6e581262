using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.Spans;
using Graft.Text;
using Graft.Torch;

namespace Graft.TestKit;

/// <summary>A tokenizer, tasks and task models that fit <see cref="TinyBackbones"/>, and a tiny model as a Hugging Face folder.</summary>
public static class TinyModels
{
    private static readonly string[] s_vocabulary =
    [
        "[UNK]", "[PAD]", "[CLS]", "[SEP]", "[MASK]", ".", "good", "bad", "film",
        .. Enumerable.Range('a', 26).Select(c => $"{(char)c}"), .. Enumerable.Range('a', 26).Select(c => $"##{(char)c}"),
    ];

    /// <summary>One task of each kind.</summary>
    public static TaskDefinition Task(TaskKind kind, string? name = null, bool pair = false) => kind switch
    {
        TaskKind.Classification => new(name ?? "mood", kind, ["sad", "glad", "so-so"], ["accuracy", "macro_f1"], pair),
        TaskKind.Multilabel => new(name ?? "topics", kind, ["plot", "cast", "music", "price"], ["micro_f1"], pair),
        TaskKind.Span => new(name ?? "answers", kind, [], ["token_f1", "exact_match"], true),
        _ => new(name ?? "stars", kind, [], ["pearson", "spearman"], pair),
    };

    /// <summary>Settings of a method that suit a model of width 16: the defaults where these do.</summary>
    public static JsonObject Settings(string method) => method switch
    {
        "compacter" => new() { ["reduction_factor"] = 2 },
        "fusion" => new() { ["adapters"] = new JsonArray(Fused("one"), Fused("two")) },
        _ => [],
    };

    private static JsonObject Fused(string name) =>
        new() { ["name"] = name, ["method"] = "pfeiffer", ["set"] = new JsonObject { ["reduction_factor"] = 4 } };

    /// <summary>A model whose parameters are away from their start, so that every part acts.</summary>
    public static TaskModel Create(
        Backbone backbone, string method, TaskKind kind, int seed = 1, string? name = null, bool pair = false, int maxTokens = 24,
        HeadConfig? head = null, JsonObject? settings = null)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(seed, Device.Cpu);
        var task = Task(kind, name, pair);
        var peft = PeftMethods.Get(method);
        var adapter = peft.Attach(backbone, task.Name, peft.ReadConfig(settings ?? Settings(method), "the test"), rng);
        var config = head ?? Usual(kind, task.Outputs);
        Head made = config is SpanHeadConfig span ? new SpanHead(span, backbone.Config.HiddenSize, rng) : new PooledHead((PooledHeadConfig)config, backbone.Config.HiddenSize, rng);
        foreach (var parameter in adapter.Parameters().Concat(made.Parameters()))
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.3).To(parameter.Value.DType));
        }

        return new TaskModel(task, backbone, adapter, made, maxTokens);
    }

    private static HeadConfig Usual(TaskKind kind, int outputs) => kind switch
    {
        TaskKind.Span => new SpanHeadConfig(new SpanSearchSettings(), Overlap: 4),
        TaskKind.Regression => new PooledHeadConfig(kind, outputs, TargetMean: 3, TargetScale: 1.25),
        _ => new PooledHeadConfig(kind, outputs),
    };

    /// <summary>A WordPiece tokenizer of as many tokens as the tiny backbones have, padding where RoBERTa expects it.</summary>
    public static Tokenizer Tokenizer()
    {
        using var folder = new TestFolder();
        return Text.Tokenizer.FromVocabTxt(folder.Write("vocab.txt", string.Join('\n', s_vocabulary) + "\n"));
    }

    /// <summary>Writes the tiny BERT as a Hugging Face folder and returns its path.</summary>
    public static string WriteFolder(string folder, int layers = 2)
    {
        TinyModelFolder.Write(folder, s_vocabulary, layers);
        return folder;
    }
}
