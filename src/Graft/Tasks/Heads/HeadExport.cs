using System.Text.Json.Nodes;
using Graft.Formats.Models;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>Says a head in the words of the Hugging Face class that computes the same, where there is one. Stateless.</summary>
internal static class HeadExport
{
    /// <summary>The bare model's class, for heads that no class has; T5's is its encoder, as pooled heads stand on that alone.</summary>
    /// <param name="modelType">The architecture.</param>
    public static ModelHead Bare(string modelType) => new(Class(modelType) + (modelType is "t5" or "mt5" ? "EncoderModel" : "Model"), "", [], []);

    /// <summary>
    /// The class with this head, or null. BERT's has a pooler and a linear map, which is one layer on the pretrained pooler or two layers on the
    /// first token; RoBERTa's is two layers on the first token. The mean over tokens is in no class. A span head of one layer is that of question answering, and a text head is the class of the model that writes.
    /// </summary>
    /// <param name="modelType">The architecture.</param>
    /// <param name="task">The task, for the names of its labels.</param>
    /// <param name="of">The head.</param>
    /// <returns>Tensors of the calling scope; those of a regression give scores in the task's own unit.</returns>
    public static ModelHead? Find(string modelType, TaskDefinition task, Head of)
    {
        if (of is SpanHead span)
        {
            var maps = span.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Detach(), StringComparer.Ordinal);
            return span.Config.Layers == 1 && modelType is "bert" or "roberta"
                ? new ModelHead(Class(modelType) + "ForQuestionAnswering", modelType + ".", [("qa_outputs.weight", maps["weight"]), ("qa_outputs.bias", maps["bias"])], [])
                : null;
        }

        if (of is not PooledHead head)
        {
            return Writer(modelType);
        }

        var own = head.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Detach(), StringComparer.Ordinal);
        var (weight, bias) = (own["weight"], own["bias"]);
        if (task.Kind == TaskKind.Regression)
        {
            (weight, bias) = (weight * head.Config.TargetScale, (bias * head.Config.TargetScale) + head.Config.TargetMean);
        }

        List<(string, Tensor)>? tensors = (modelType, head.Config.Pooling, head.Config.Layers) switch
        {
            ("bert", Pooling.Pooler, 1) => [("classifier.weight", weight), ("classifier.bias", bias)],
            ("bert", Pooling.First, 2) =>
            [
                ("bert.pooler.dense.weight", own["hidden.weight"]), ("bert.pooler.dense.bias", own["hidden.bias"]),
                ("classifier.weight", weight), ("classifier.bias", bias),
            ],
            ("roberta", Pooling.First, 2) =>
            [
                ("classifier.dense.weight", own["hidden.weight"]), ("classifier.dense.bias", own["hidden.bias"]),
                ("classifier.out_proj.weight", weight), ("classifier.out_proj.bias", bias),
            ],
            _ => null,
        };
        return tensors is null ? null : new ModelHead(Class(modelType) + "ForSequenceClassification", modelType + ".", tensors, Config(task, head));
    }

    /// <summary>The class of the model that writes.</summary>
    /// <param name="modelType">The architecture.</param>
    public static ModelHead Writer(string modelType) => new(Class(modelType) + "ForConditionalGeneration", "", [], []);

    private static JsonObject Config(TaskDefinition task, PooledHead head)
    {
        var labels = task.Kind == TaskKind.Regression ? [task.Name] : task.Labels;
        return new JsonObject
        {
            ["id2label"] = new JsonObject(labels.Select((label, i) => KeyValuePair.Create($"{i}", (JsonNode?)label))),
            ["label2id"] = new JsonObject(labels.Select((label, i) => KeyValuePair.Create(label, (JsonNode?)i))),
            ["problem_type"] = task.Kind switch
            {
                TaskKind.Classification => "single_label_classification",
                TaskKind.Multilabel => "multi_label_classification",
                _ => "regression",
            },
            ["classifier_dropout"] = head.Config.Dropout,
        };
    }

    private static string Class(string modelType) => modelType == "mt5" ? "MT5" : char.ToUpperInvariant(modelType[0]) + modelType[1..];
}
