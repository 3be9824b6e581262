using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft;

/// <summary>
/// A head of a Hugging Face class that computes what a head of Graft's computes. BERT: linear on the pretrained pooler, or on
/// a pooler that was trained too; RoBERTa: two layers with a tanh between on the first token; both: a linear map on each token that answers questions. Immutable.
/// </summary>
/// <param name="Pooling">Graft's pooling; empty where each token is scored.</param>
/// <param name="Layers">Graft's number of layers.</param>
/// <param name="Saved">The names in <c>modules_to_save</c>.</param>
/// <param name="Maps">The modules of the wrapped model and the names of Graft's linear maps; an empty name is the last one.</param>
internal sealed record PeftHead(string Pooling, int Layers, IReadOnlyList<string> Saved, IReadOnlyList<(string Module, string Own)> Maps)
{
    // PEFT adds both names for sequence classification, whichever the model has.
    private static readonly string[] s_saved = ["classifier", "score"];

    private static readonly PeftHead s_pooler = new("pooler", 1, s_saved, [("classifier", "")]);
    private static readonly PeftHead s_questions = new("", 1, ["qa_outputs"], [("qa_outputs", "")]);
    private static readonly PeftHead s_roberta = new("first", 2, s_saved, [("classifier.dense", "hidden."), ("classifier.out_proj", "")]);

    /// <summary>Whether the head is the model's classifier and nothing else.</summary>
    public bool SavesClassifierAlone => ReferenceEquals(Saved, s_saved);

    /// <summary>Whether the head answers questions.</summary>
    public bool IsSpan => Pooling.Length == 0;

    /// <summary>The head that a file has, or null for none.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="prefix">The backbone's prefix in the wrapped model.</param>
    /// <param name="root">What precedes the keys.</param>
    /// <param name="file">The weights.</param>
    public static PeftHead? Of(Backbone backbone, string prefix, string root, SafetensorsFile file)
    {
        if (!file.Keys.Any(k => k.StartsWith(root + "classifier.", StringComparison.Ordinal)))
        {
            return file.Keys.Any(k => k.StartsWith(root + "qa_outputs.", StringComparison.Ordinal)) ? s_questions : null;
        }

        return backbone.Config.ModelType == "roberta" ? s_roberta
            : file.Contains($"{root}{prefix}pooler.dense.weight") ? TrainedPooler(prefix)
            : s_pooler;
    }

    /// <summary>The Hugging Face head that computes what a head of Graft's computes, or null for none.</summary>
    /// <param name="head">Graft's head.</param>
    /// <param name="backbone">The backbone.</param>
    public static PeftHead? For(ForeignHead head, Backbone backbone)
    {
        var (settings, roberta) = (head.Settings, backbone.Config.ModelType == "roberta");
        PeftHead[] forms = roberta ? [s_roberta] : backbone.Config.ModelType == "bert" ? [s_pooler, TrainedPooler("bert.")] : [];
        var own = StrictJson.From(settings, "the head");
        if (own.TextOrNull("type") == SpanSettings.Name)
        {
            return forms.Length > 0 && own.Whole("layers", 1) == 1 ? s_questions : null;
        }

        return own.Number("target_mean", 0) == 0 && own.Number("target_scale", 1) == 1
            ? Array.Find(forms, f => f.Pooling == own.TextOrNull("pooling") && f.Layers == own.Whole("layers", 1))
            : null;
    }

    /// <summary>The tensors of a head.</summary>
    /// <param name="root">What precedes the keys.</param>
    /// <param name="outputs">The number of labels.</param>
    /// <param name="width">The backbone's width.</param>
    public IReadOnlyList<ForeignTensor> Tensors(string root, long outputs, long width) =>
    [
        .. Maps.SelectMany(m => new[]
        {
            ForeignTensor.Renamed($"{root}{m.Module}.weight", $"{m.Own}weight", [m.Own.Length > 0 ? width : outputs, width]),
            ForeignTensor.Renamed($"{root}{m.Module}.bias", $"{m.Own}bias", [m.Own.Length > 0 ? width : outputs]),
        }),
    ];

    /// <summary>The number of labels of the head in a file; 0 when its last map has no weight.</summary>
    /// <param name="root">What precedes the keys.</param>
    /// <param name="file">The weights.</param>
    public long Outputs(string root, SafetensorsFile file) =>
        file.Contains($"{root}{Maps[^1].Module}.weight") && file.Info($"{root}{Maps[^1].Module}.weight").Shape is [var outputs, _] ? outputs : 0;

    /// <summary>What this head predicts where the folder does not say it: answers to questions, or labels as Hugging Face names them.</summary>
    /// <param name="name">The task's name.</param>
    /// <param name="outputs">The number of outputs.</param>
    /// <exception cref="GraftException">A head that answers questions has another number of outputs than two.</exception>
    public PackageTask Task(string name, long outputs) => IsSpan
        ? outputs == SpanSettings.Outputs ? SpanSettings.Task(name) : throw new GraftException(
            $"The head 'qa_outputs' of '{name}' has {outputs} outputs, and questions are answered by {SpanSettings.Outputs} scores of a token; take the adapter's files again.")
        : outputs == 1
        ? new PackageTask(name, "regression", [], ["pearson"], false)
        : new PackageTask(name, "classification", [.. Enumerable.Range(0, (int)outputs).Select(i => $"LABEL_{i}")], ["accuracy"], false);

    /// <summary>Graft's settings of this head.</summary>
    public JsonObject Settings() => IsSpan ? SpanSettings.Head(Layers, 0.1) : new()
    {
        ["pooling"] = Pooling,
        ["layers"] = Layers,
        ["dropout"] = 0.1,
        ["target_mean"] = 0.0,
        ["target_scale"] = 1.0,
    };

    private static PeftHead TrainedPooler(string prefix) =>
        new("first", 2, [.. s_saved, "pooler"], [($"{prefix}pooler.dense", "hidden."), ("classifier", "")]);
}
