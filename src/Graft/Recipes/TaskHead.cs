using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.Spans;
using Graft.Tasks.TextToText;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>The head that a task is trained with.</summary>
/// <param name="Config">Its settings.</param>
/// <param name="Codec">What makes texts of rows and answers, for a text head; null for the others.</param>
internal sealed record TaskHead(HeadConfig Config, TextCodec? Codec)
{
    private const int UsualTokens = 256;

    /// <summary>The longest row of a task in tokens.</summary>
    /// <param name="task">The task.</param>
    /// <param name="asked">What settings ask for; null for the usual: 256, or 384 for questions about a context.</param>
    /// <param name="room">The most that the model takes.</param>
    public static int Tokens(TaskDefinition task, int? asked, int room) =>
        Math.Min(asked ?? (task.Kind == TaskKind.Span ? SpanRows.UsualTokens : UsualTokens), room);

    /// <summary>The rows of a task as the head reads them.</summary>
    /// <param name="task">The task.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    /// <param name="maxTokens">The longest row in tokens.</param>
    public TokenizedRows Tokenize(TaskDefinition task, IReadOnlyList<Example> rows, Tokenizer tokenizer, int maxTokens) =>
        TokenizedRows.Create(task, rows, tokenizer, maxTokens, Codec, (Config as SpanHeadConfig)?.Overlap);

    /// <summary>The kind of head that settings ask for: text on a backbone that writes, unless they say otherwise.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="backbone">The backbone.</param>
    /// <exception cref="GraftException">Settings of a pooled head are given for a text head, or the other way round.</exception>
    public static HeadKind Kind(TrainSettings settings, BackboneConfig backbone)
    {
        var kind = settings.Head ?? (backbone.Decoder is null ? HeadKind.Pooled : HeadKind.Text);
        if (kind == HeadKind.Text && (settings.HeadPooling != Pooling.Mean || settings.HeadLayers != 1))
        {
            throw new GraftException("head_pooling and head_layers are settings of pooled heads, and this backbone's tasks are answered with text; leave them out, or give --head pooled.");
        }

        return kind == HeadKind.Text || (settings.LossReduction == LossReduction.Mean && settings.Beams == 1)
            ? kind
            : throw new GraftException("loss_reduction and beams are settings of text heads, and this head is pooled; leave them out, or use a T5 backbone.");
    }

    /// <summary>The head of a task.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="data">The task's rows.</param>
    /// <param name="loaded">The backbone and its tokenizer.</param>
    /// <exception cref="GraftException">The settings contradict each other, or the backbone cannot do what they ask for.</exception>
    public static TaskHead Of(TrainSettings settings, TaskData data, LoadedBackbone loaded)
    {
        var task = data.Task;
        if (Kind(settings, loaded.Backbone.Config) == HeadKind.Text)
        {
            var codec = new TextCodec(TextFormat.Of(task), loaded.Tokenizer, loaded.Backbone.Config);
            return new TaskHead(new TextHeadConfig(task.Kind, task.Outputs, codec.Format, codec.Longest(data.WholeTrain), settings.LossReduction, settings.Beams), codec);
        }

        if (task.Kind == TaskKind.Span)
        {
            // "None" is an answer where some rows of the whole train file have none: a small draw may have missed them.
            var search = new SpanSearchSettings(settings.NBest, settings.AnswerTokens, data.WholeTrain.Any(r => r.Answers.Count == 0), settings.NullThreshold);
            return new TaskHead(new SpanHeadConfig(search, settings.Overlap, settings.HeadDropout, settings.HeadLayers), null);
        }

        var scores = task.Kind == TaskKind.Regression ? data.Train.Select(r => r.Score).ToList() : [];
        var mean = scores.Count > 0 ? scores.Average() : 0;
        var deviation = scores.Count > 0 ? Math.Sqrt(scores.Average(s => (s - mean) * (s - mean))) : 1;
        return new TaskHead(
            new PooledHeadConfig(
                task.Kind, task.Outputs, settings.HeadPooling, settings.HeadDropout, mean, deviation > 0 ? deviation : 1, settings.HeadLayers),
            null);
    }
}
