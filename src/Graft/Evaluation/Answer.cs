using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.Tasks.Spans;

namespace Graft.Evaluation;

/// <summary>What a model answers on one row. Immutable.</summary>
/// <param name="Task">What was asked.</param>
/// <param name="Outputs">
/// Class probabilities, label probabilities, or the score alone. Of a task that is answered with text: the probabilities of the classes' texts, 1
/// for labels that the text names and 0 for others, or the number, NaN where the text is none. Of a span task nothing: <see cref="Span"/> has its answer.
/// </param>
/// <param name="TruncatedTokens">The tokens at the row's end that the model did not see because the row is longer than it takes.</param>
public sealed record Answer(TaskDefinition Task, IReadOnlyList<float> Outputs, int TruncatedTokens = 0)
{
    private const int ShownCandidates = 5;

    /// <summary>The text that was written, where the task is answered with text; otherwise null.</summary>
    public string? Text { get; init; }

    /// <summary>The answer of a span task, a piece of the second text; null where it is none, or where a written text does not occur in it.</summary>
    public SpanCandidate? Span { get; init; }

    /// <summary>The best candidates of a span task, best first, "no answer" among them with an empty text where it is one; empty where the answer is written.</summary>
    public IReadOnlyList<SpanCandidate> Candidates { get; init; } = [];

    /// <summary>The second text of a span task, which places count from; otherwise empty.</summary>
    internal string Context { get; init; } = "";

    /// <summary>
    /// The predicted labels: one of a classification (none where a written text is no label), any number of a multilabel task (most probable
    /// first), none of a regression and of spans.
    /// </summary>
    public IReadOnlyList<string> Labels
    {
        get => field ??= Task.Kind switch
        {
            TaskKind.Classification => [Task.Labels[Evaluator.ArgMax([.. Outputs])]],
            TaskKind.Multilabel => [.. Evaluator.PredictedLabels([.. Outputs]).OrderByDescending(l => Outputs[l]).Select(l => Task.Labels[l])],
            _ => [],
        };
        init;
    }

    /// <summary>The most probable predicted label; null when none is predicted.</summary>
    public string? Label => Labels.Count > 0 ? Labels[0] : null;

    /// <summary>The probability of <see cref="Label"/>; NaN when none is predicted.</summary>
    public float Probability => Label is { } label ? ProbabilityOf(label) : float.NaN;

    /// <summary>The predicted number of a regression; NaN of the other kinds.</summary>
    public float Score => Task.Kind == TaskKind.Regression ? Outputs[0] : float.NaN;

    /// <summary>The probability of a label.</summary>
    /// <param name="label">One of the task's labels.</param>
    /// <exception cref="ArgumentException">The task has no such label.</exception>
    public float ProbabilityOf(string label)
    {
        for (var i = 0; i < Task.Labels.Count; i++)
        {
            if (Task.Labels[i] == label)
            {
                return Outputs[i];
            }
        }

        throw new ArgumentException($"The task '{Task.Name}' has no label '{label}'.", nameof(label));
    }

    /// <summary>
    /// The answer as JSON: <c>task</c>; <c>label</c> and <c>probability</c> (classification), <c>labels</c> (multilabel), <c>score</c>
    /// (regression), or <c>answer</c>, <c>start</c>, <c>end</c>, <c>probability</c> and the best <c>candidates</c> with the same fields (spans, places in code points as in SQuAD's
    /// files); <c>written</c>, the text of a task that is answered with text; <c>probabilities</c> by label; <c>truncated_tokens</c> where there are any.
    /// </summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject { ["task"] = Task.Name };
        if (Text is not null)
        {
            json["written"] = Text;
        }

        switch (Task.Kind)
        {
            case TaskKind.Regression:
                json["score"] = Number(Score);
                break;
            case TaskKind.Span:
                Write(json, Span);
                if (Candidates.Count > 0)
                {
                    json["candidates"] = new JsonArray([.. Candidates.Take(ShownCandidates).Select(c => (JsonNode)Write([], c))]);
                }

                break;
            case TaskKind.Multilabel:
                json["labels"] = new JsonArray([.. Labels.Select(l => (JsonNode?)l)]);
                break;
            default:
                json["label"] = Label;
                json["probability"] = Number(Probability);
                break;
        }

        if (Task.Kind is TaskKind.Classification or TaskKind.Multilabel)
        {
            json["probabilities"] = new JsonObject(Task.Labels.Select((label, i) => KeyValuePair.Create(label, Number(Outputs[i]))));
        }

        if (TruncatedTokens > 0)
        {
            json["truncated_tokens"] = TruncatedTokens;
        }

        return json;
    }

    private JsonObject Write(JsonObject json, SpanCandidate? span)
    {
        var piece = span is { Text.Length: > 0 } ? span : null;
        json["answer"] = piece?.Text;
        json["start"] = piece is null ? null : AnswerSpan.CodePointsBefore(Context, piece.Start);
        json["end"] = piece is null ? null : AnswerSpan.CodePointsBefore(Context, piece.End);
        if (span is not null && Text is null)
        {
            json["probability"] = Number((float)span.Probability);
        }

        return json;
    }

    private static JsonNode? Number(float value) => float.IsFinite(value) ? JsonValue.Create(value) : null;
}
