using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>A head as AdapterHub stores it: its task and settings, and its tensors. Immutable.</summary>
/// <param name="Task">What it predicts.</param>
/// <param name="Settings">The settings as in <c>head</c> of <c>graft.json</c>.</param>
/// <param name="Tensors">Its tensors in the file.</param>
/// <param name="HasBias">Whether the last map has a bias; without, Graft's is zero.</param>
internal sealed record HubHead(PackageTask Task, JsonObject Settings, IReadOnlyList<ForeignTensor> Tensors, bool HasBias = true)
{
    /// <summary>The file of settings.</summary>
    public const string ConfigName = "head_config.json";

    /// <summary>The file of weights.</summary>
    public const string WeightsName = "model_head.safetensors";

    /// <summary>The file of weights of older versions.</summary>
    public const string PickledName = "pytorch_model_head.bin";

    private const double UsualDropout = 0.1;
    private const string Questions = "question_answering";

    /// <summary>Reads <c>head_config.json</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">The architecture.</param>
    /// <param name="width">The backbone's width W.</param>
    /// <exception cref="GraftException">The head is of a kind that Graft has not, or the file is damaged.</exception>
    public static HubHead Read(string folder, HubModel model, int width)
    {
        var path = Path.Combine(folder, ConfigName);
        var top = StrictJson.Load(path);
        var name = top.TextOrNull("name") is { } own ? Detection.AdapterFolders.CheckName(own) : "";
        return top.Nested("config") is { } config ? Flexible(config, name, width) : Static(top, name, model, width);
    }

    /// <summary>The head's <c>config</c>, or null where AdapterHub has no such head.</summary>
    /// <param name="head">The head.</param>
    /// <param name="promptInFront">Whether the library's heads would read a prompt's vector in place of the first token.</param>
    public static JsonObject? Config(ForeignHead head, bool promptInFront)
    {
        var settings = StrictJson.From(head.Settings, "the head's settings");
        if (settings.TextOrNull("type") == SpanSettings.Name)
        {
            return promptInFront ? null : new JsonObject
            {
                ["head_type"] = Questions,
                ["num_labels"] = SpanSettings.Outputs,
                ["layers"] = settings.Whole("layers", 1),
                ["activation_function"] = "tanh",
                ["label2id"] = null,
                ["dropout_prob"] = HubSettings.Float(settings.Number("dropout", 0)),
            };
        }

        var pooling = settings.TextOrNull("pooling");
        var raw = settings.Number("target_mean", 0) == 0 && settings.Number("target_scale", 1) == 1;
        if (pooling is not ("first" or "pooler") || promptInFront || !raw)
        {
            return null;
        }

        var layers = settings.Whole("layers", 1);
        return new JsonObject
        {
            ["head_type"] = head.Task.Kind == "multilabel" ? "multilabel_classification" : "classification",
            ["num_labels"] = Math.Max(1L, head.Task.Labels.Count),
            ["layers"] = layers,
            ["activation_function"] = layers == 2 ? "tanh" : null,
            ["label2id"] = head.Task.Labels.Count == 0 ? null
                : new JsonObject(head.Task.Labels.Select((label, id) => KeyValuePair.Create(label, (JsonNode?)id))),
            ["use_pooler"] = pooling == "pooler",
            ["bias"] = true,
            ["dropout_prob"] = HubSettings.Float(settings.Number("dropout", 0)),
        };
    }

    /// <summary>The tensors of a head with exchangeable names.</summary>
    /// <param name="name">The head's name.</param>
    /// <param name="layers">Its linear maps: 1 or 2.</param>
    /// <param name="width">The backbone's width W.</param>
    /// <param name="outputs">The number of outputs.</param>
    /// <param name="bias">Whether the last map has a bias.</param>
    public static IReadOnlyList<ForeignTensor> Flexible(string name, long layers, int width, long outputs, bool bias = true) => layers == 2
        ? [.. Map($"heads.{name}.1", "hidden.", width, width), .. Map($"heads.{name}.4", "", outputs, width, bias)]
        : Map($"heads.{name}.1", "", outputs, width, bias);

    private static HubHead Flexible(StrictObject config, string name, int width)
    {
        var kind = config.TextOrNull("head_type");
        if (kind is not ("classification" or "multilabel_classification" or Questions))
        {
            throw config.Error("head_type", $"the head is of the type '{kind}', and Graft reads classification, multilabel_classification and {Questions}; remove {ConfigName} and the head's weights to read the adapter alone.");
        }

        var (layers, outputs, bias) = (config.Whole("layers", kind == Questions ? 1 : 2), config.Whole("num_labels", 2), config.Flag("bias", true));
        if (layers is not (1 or 2))
        {
            throw config.Error("layers", $"the head has {layers} layers, and Graft's have 1 or 2; remove {ConfigName} and the head's weights to read the adapter alone.");
        }

        if (layers == 2 && config.TextOrNull("activation_function") is var activation and not "tanh")
        {
            throw config.Error("activation_function", $"the head's activation is {activation ?? "none"}, and Graft's is tanh; remove {ConfigName} and the head's weights to read the adapter alone.");
        }

        if (outputs is < 1 or > int.MaxValue)
        {
            throw config.Error("num_labels", $"'num_labels' is {outputs}, expected a whole number from 1 on; take the adapter's files again.");
        }

        if (kind == Questions)
        {
            return outputs == SpanSettings.Outputs
                ? new HubHead(SpanSettings.Task(name), SpanSettings.Head(layers, config.Number("dropout_prob", UsualDropout)), Flexible(name, layers, width, outputs, bias), bias)
                : throw config.Error("num_labels", $"'num_labels' is {outputs}, and questions are answered by {SpanSettings.Outputs} scores of a token; remove {ConfigName} and the head's weights to read the adapter alone.");
        }

        var regression = kind == "classification" && outputs == 1;
        var labels = regression ? [] : Labels(config, (int)outputs);
        return new HubHead(
            Predicting(name, regression ? "regression" : kind == "classification" ? "classification" : "multilabel", labels),
            Written(config.Flag("use_pooler", false) ? "pooler" : "first", layers, config.Number("dropout_prob", UsualDropout)),
            Flexible(name, layers, width, outputs, bias), bias);
    }

    /// <summary>The head of a Hugging Face classification model, which has no settings of its own.</summary>
    private static HubHead Static(StrictObject top, string name, HubModel model, int width)
    {
        var type = top.TextOrNull("model_class");
        if (type != model.StaticHead)
        {
            throw top.Error("model_class", $"the head is of a {type}, and Graft reads those of {model.StaticHead} and {model.ModelClass}; remove {ConfigName} and the head's weights to read the adapter alone.");
        }

        var outputs = top.Whole("num_labels", 0) is > 0 and <= int.MaxValue and var count ? (int)count
            : throw top.Error("num_labels", "'num_labels' is missing or no whole number from 1 on; take the adapter's files again.");
        var labels = outputs == 1 ? [] : Labels(top, outputs);
        var task = Predicting(name, outputs == 1 ? "regression" : "classification", labels);
        return model.ModelType == "roberta"
            ? new HubHead(task, Written("first", 2, UsualDropout), [.. Map("classifier.dense", "hidden.", width, width), .. Map("classifier.out_proj", "", outputs, width)])
            : new HubHead(task, Written("pooler", 1, UsualDropout), Map("classifier", "", outputs, width));
    }

    private static string[] Labels(StrictObject config, int count)
    {
        if (config.Nested("label2id") is not { } ids)
        {
            return [.. Enumerable.Range(0, Math.Min(count, ushort.MaxValue)).Select(i => $"LABEL_{i}")];
        }

        var labels = new string?[Math.Min(count, ids.Keys.Count() + 1)];
        foreach (var label in ids.Keys)
        {
            var id = ids.Raw(label) is { ValueKind: System.Text.Json.JsonValueKind.String } text && long.TryParse(text.GetString(), out var number) ? number : ids.Whole(label, -1);
            if (id < 0 || id >= labels.Length || labels[id] is not null)
            {
                throw ids.Error(label, $"'label2id' gives '{label}' the number {id}, expected the numbers from 0 to {count - 1}, each once; take the adapter's files again.");
            }

            labels[id] = label;
        }

        return labels.OfType<string>().ToArray() is var all && all.Length == count
            ? all
            : throw config.Error("label2id", $"'label2id' has {ids.Keys.Count()} labels, expected {count}; take the adapter's files again.");
    }

    private static PackageTask Predicting(string name, string kind, IReadOnlyList<string> labels) =>
        new(name, kind, labels, kind switch { "classification" => ["accuracy"], "multilabel" => ["micro_f1"], _ => ["pearson", "spearman"] }, Pair: false);

    private static JsonObject Written(string pooling, long layers, double dropout) => new()
    {
        ["pooling"] = pooling,
        ["layers"] = layers,
        ["dropout"] = dropout,
        ["target_mean"] = 0,
        ["target_scale"] = 1,
    };

    private static ForeignTensor[] Map(string module, string own, long outputs, long inputs, bool bias = true)
    {
        var weight = ForeignTensor.Renamed(module + ".weight", own + "weight", [outputs, inputs]);
        return bias ? [weight, ForeignTensor.Renamed(module + ".bias", own + "bias", [outputs])] : [weight];
    }
}
