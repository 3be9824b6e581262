using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Tasks.Spans;
using Graft.Tasks.TextToText;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>Writes the settings of heads into packages, reads them back, and makes heads of them. Stateless.</summary>
internal static class HeadSettings
{
    private const string TextType = "text";
    private const string SpanType = "span";

    /// <summary>The settings as a package keeps them.</summary>
    /// <param name="config">The settings.</param>
    public static JsonObject ToJson(HeadConfig config) => config switch
    {
        PooledHeadConfig pooled => new JsonObject
        {
            ["pooling"] = Name(pooled.Pooling),
            ["layers"] = pooled.Layers,
            ["dropout"] = pooled.Dropout,
            ["target_mean"] = pooled.TargetMean,
            ["target_scale"] = pooled.TargetScale,
        },
        TextHeadConfig text => new JsonObject
        {
            ["type"] = TextType,
            ["prefix"] = text.Format.Prefix,
            ["fields"] = List(text.Format.Fields),
            ["targets"] = List(text.Format.Targets),
            ["reading"] = Name(text.Format.Reading),
            ["decimals"] = text.Format.Decimals,
            ["longest"] = text.Longest,
            ["reduction"] = Name(text.Reduction),
            ["beams"] = text.Beams,
        },
        SpanHeadConfig span => new JsonObject
        {
            ["type"] = SpanType,
            ["layers"] = span.Layers,
            ["dropout"] = span.Dropout,
            ["overlap"] = span.Overlap,
            ["n_best"] = span.Search.NBest,
            ["answer_tokens"] = span.Search.AnswerTokens,
            ["null_answers"] = span.Search.NullAnswers,
            ["null_threshold"] = span.Search.NullThreshold,
        },
        _ => throw new ArgumentException($"{config.GetType().Name} is no head that packages know.", nameof(config)),
    };

    /// <summary>Reads the settings of a task's head.</summary>
    /// <param name="settings">What <see cref="ToJson"/> made.</param>
    /// <param name="task">The task.</param>
    /// <param name="path">The package's manifest.</param>
    /// <exception cref="GraftException">A setting is unknown or has a value out of range.</exception>
    public static HeadConfig Read(JsonObject settings, TaskDefinition task, string path)
    {
        var head = StrictJson.From(settings, $"{path}, 'head'");
        var type = head.TextOrNull("type");
        if (type is null or SpanType && (type == SpanType) != (task.Kind == TaskKind.Span))
        {
            throw head.Error("type", $"'head.type' is {(type is null ? "missing" : $"'{type}'")}, which does not fit a {Name(task.Kind)} task; take the package from where it was trained again.");
        }

        return type switch
        {
            null => Pooled(head, task, path),
            TextType => Text(head, task, path),
            SpanType => Span(head),
            var other => throw head.Error("type", $"'head.type' is '{other}', and this Graft knows {TextType}, {SpanType} and pooled heads, which have no type; update Graft."),
        };
    }

    /// <summary>Makes a head with initial weights.</summary>
    /// <param name="config">Its settings.</param>
    /// <param name="backbone">The backbone that it stands on.</param>
    /// <param name="rng">The generator of the initial weights.</param>
    public static Head Create(HeadConfig config, Backbone backbone, Rng rng) => config switch
    {
        PooledHeadConfig pooled => new PooledHead(pooled, backbone.Config.HiddenSize, rng),
        TextHeadConfig text => new TextHead(text),
        SpanHeadConfig span => new SpanHead(span, backbone.Config.HiddenSize, rng),
        _ => throw new ArgumentException($"{config.GetType().Name} is no head that can be made.", nameof(config)),
    };

    /// <summary>The name of a value in files.</summary>
    /// <param name="value">The value.</param>
    public static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>The value of a name in a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">The key.</param>
    /// <param name="name">The name.</param>
    /// <exception cref="GraftException">No value is called so.</exception>
    public static T Choice<T>(string path, string key, string name)
        where T : struct, Enum
    {
        var names = Enum.GetNames<T>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName).ToList();
        return names.IndexOf(name) is var at and >= 0
            ? Enum.GetValues<T>()[at]
            : throw new GraftException($"{path}: '{key}' is '{name}'; {Suggest.Hint(name, names)}");
    }

    private static TextHeadConfig Text(StrictObject head, TaskDefinition task, string path)
    {
        head.Allow("type", "prefix", "fields", "targets", "reading", "decimals", "longest", "reduction", "beams");
        var (fields, targets) = (head.TextList("fields") ?? [], head.TextList("targets") ?? []);
        var expected = task.Labels.Count;
        if (fields.Count != (task.IsPair ? 2 : 1) || targets.Count != expected || targets.Distinct(StringComparer.Ordinal).Count() != expected)
        {
            throw head.Error(
                "fields", $"'head' has {fields.Count} fields and {targets.Count} targets, which do not fit the task, or a target twice; take the package from where it was trained again.");
        }

        var reading = Choice<TextReading>(path, "head.reading", head.Text("reading"));
        if ((reading == TextReading.Number) != (task.Kind == TaskKind.Regression) || (reading == TextReading.Labels) != (task.Kind == TaskKind.Multilabel)
            || (reading == TextReading.Answer) != (task.Kind == TaskKind.Span))
        {
            throw head.Error("reading", $"'head.reading' is '{Name(reading)}', which does not fit the task; take the package from where it was trained again.");
        }

        var (decimals, longest, beams) = (head.Whole("decimals", 1), head.Whole("longest", 0), head.Whole("beams", 1));
        if (decimals is < 0 or > TextNames.MostDecimals || longest is < 1 or > TextCodec.MostTokens || beams is < 1 or > int.MaxValue)
        {
            throw head.Error(
                "longest", $"'head' has {decimals} decimals, {longest} tokens and {beams} beams, which no answer has; take the package from where it was trained again.");
        }

        return new TextHeadConfig(
            task.Kind, task.Outputs, new TextFormat(head.TextOrNull("prefix") ?? "", fields, targets, reading, (int)decimals), (int)longest,
            Choice<LossReduction>(path, "head.reduction", head.Text("reduction")), (int)beams);
    }

    private static SpanHeadConfig Span(StrictObject head)
    {
        head.Allow("type", "layers", "dropout", "overlap", "n_best", "answer_tokens", "null_answers", "null_threshold");
        var search = new SpanSearchSettings(
            Count("n_best"), Count("answer_tokens"), head.Flag("null_answers", false), head.Number("null_threshold", 0));
        var (layers, dropout, overlap) = (head.Whole("layers", 1), head.Number("dropout", 0), head.Whole("overlap", SpanRows.UsualOverlap));
        return layers is 1 or 2 && dropout is >= 0 and < 1 && overlap is >= 0 and <= int.MaxValue
            ? new SpanHeadConfig(search, (int)overlap, dropout, (int)layers)
            : throw head.Error("layers", $"'head' has {layers} layers, a dropout of {dropout} and an overlap of {overlap}, which no head has; take the package from where it was trained again.");

        int Count(string key) => head.Whole(key, 0) is > 0 and <= ushort.MaxValue and var count
            ? (int)count
            : throw head.Error(key, $"'head.{key}' is {head.Raw(key)}, expected a whole number from 1 to {ushort.MaxValue}; take the package from where it was trained again.");
    }

    private static JsonArray List(IEnumerable<string> items) => [.. items.Select(i => (JsonNode?)i)];

    private static PooledHeadConfig Pooled(StrictObject head, TaskDefinition task, string path)
    {
        head.Allow("pooling", "layers", "dropout", "target_mean", "target_scale");
        var layers = head.Whole("layers", 1);
        if (layers is not (1 or 2))
        {
            throw head.Error("layers", $"'head.layers' is {layers}, expected 1 or 2.");
        }

        var config = new PooledHeadConfig(
            task.Kind, task.Outputs, Choice<Pooling>(path, "head.pooling", head.Text("pooling")), head.Number("dropout", 0),
            head.Number("target_mean", 0), head.Number("target_scale", 1), (int)layers);
        return config.Dropout is >= 0 and < 1
            ? config
            : throw head.Error("dropout", $"'head.dropout' is {config.Dropout}, expected a probability in [0, 1).");
    }
}
