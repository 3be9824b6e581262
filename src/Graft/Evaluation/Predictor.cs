using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Tasks.Spans;
using Graft.Tasks.TextToText;
using Graft.Text;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>A row to answer.</summary>
/// <param name="Task">The task that is asked.</param>
/// <param name="Text">The text, or the first of two.</param>
/// <param name="Pair">The second text of a task with two; null otherwise.</param>
public readonly record struct PredictionRow(string Task, string Text, string? Pair = null);

/// <summary>
/// Answers rows of several tasks, also of different methods, on one frozen backbone: rows of different tasks share a pass. It owns the
/// tasks' models, not the backbone. Thread contract: any number of threads may predict at once; disposing is for one, after them.
/// </summary>
public sealed class Predictor : IDisposable
{
    private readonly Backbone _backbone;
    private readonly Tokenizer _tokenizer;
    private readonly Dictionary<string, TaskModel> _models = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TextCodec> _texts = new(StringComparer.Ordinal);

    /// <summary>Joins tasks on a backbone.</summary>
    /// <param name="backbone">The frozen model; not owned.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="models">The tasks' models on this backbone; owned from now on.</param>
    /// <exception cref="GraftException">Two tasks have one name, or the tokenizer knows more tokens than the backbone.</exception>
    public Predictor(Backbone backbone, Tokenizer tokenizer, IReadOnlyList<TaskModel> models)
    {
        (_backbone, _tokenizer) = (backbone, tokenizer);
        if (tokenizer.VocabularySize > backbone.Config.VocabularySize)
        {
            throw new GraftException(
                $"The tokenizer has {tokenizer.VocabularySize} tokens and the backbone {backbone.Config.VocabularySize}; take both from the same model.");
        }

        foreach (var model in models)
        {
            if (!_models.TryAdd(model.Task.Name, model))
            {
                throw new GraftException($"Two packages answer the task '{model.Task.Name}'; load one of them.");
            }

            if (model.Head is TextHead head)
            {
                _texts.Add(model.Task.Name, new TextCodec(head.Config.Format, tokenizer, backbone.Config));
            }
        }

        Tasks = [.. models.Select(m => m.Task)];
    }

    /// <summary>The tasks, in the order in which they were given.</summary>
    public IReadOnlyList<TaskDefinition> Tasks { get; }

    /// <summary>Answers one row.</summary>
    /// <param name="row">The row.</param>
    /// <exception cref="GraftException">An unknown task, a second text too many, or one too few.</exception>
    public Answer Predict(PredictionRow row) => Predict([row])[0];

    /// <summary>Answers rows; those of similar length are computed together, whatever their tasks.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="batchSize">The most rows of a pass; it does not change an answer beyond rounding.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <returns>The answers, in the order of the rows.</returns>
    /// <exception cref="GraftException">An unknown task, a second text too many, or one too few.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IReadOnlyList<Answer> Predict(IReadOnlyList<PredictionRow> rows, int batchSize = 32, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        foreach (var row in rows)
        {
            Check(row);
        }

        var pieces = Encode(rows);
        var answers = new Answer[rows.Count];
        var scores = new WindowScores?[pieces.Count];
        var most = pieces.Exists(p => p.Window is not null) ? SpanAnswers.MostCells : long.MaxValue;
        foreach (var batch in BatchSampler.Sorted([.. pieces.Select(p => p.Encoding.Length)], batchSize, most))
        {
            cancellation.ThrowIfCancellationRequested();
            Answer([.. batch.Select(i => pieces[i])], rows, answers, scores);
        }

        foreach (var windows in pieces.Where(p => scores[p.Number] is not null).GroupBy(p => p.Row))
        {
            answers[windows.Key] = Found(rows[windows.Key], windows.First().Encoding, [.. windows.Select(w => scores[w.Number]!)]);
        }

        return answers;
    }

    /// <summary>Refuses a row that cannot be answered.</summary>
    /// <param name="row">The row.</param>
    /// <exception cref="GraftException">An unknown task, a second text too many, or one too few.</exception>
    public void Check(PredictionRow row)
    {
        if (!_models.TryGetValue(row.Task ?? "", out var model))
        {
            throw new GraftException($"There is no package for the task '{row.Task}'; {Suggest.Hint(row.Task ?? "", _models.Keys)}");
        }

        if (model.Task.IsPair != (row.Pair is not null))
        {
            throw new GraftException(row.Pair is null
                ? $"The task '{row.Task}' asks about two texts, and the row has one; give the second text too."
                : $"The task '{row.Task}' asks about one text, and the row has two; leave the second out.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in _models.Values)
        {
            model.Dispose();
        }
    }

    private List<Piece> Encode(IReadOnlyList<PredictionRow> rows)
    {
        var pieces = new List<Piece>(rows.Count);
        foreach (var group in Enumerable.Range(0, rows.Count).GroupBy(r => Reading(_models[rows[r].Task])))
        {
            var ((maxTokens, text, overlap), members, from) = (group.Key, group.ToList(), pieces.Count);
            if (overlap is { } shared)
            {
                var windows = _tokenizer.EncodeWindows([.. members.Select(r => (rows[r].Text.TrimStart(), rows[r].Pair!))], maxTokens, shared);
                pieces.AddRange(members.Zip(windows).SelectMany(m => m.Second.Select(w => (Row: m.First, Window: w))).Select((m, i) => new Piece(from + i, m.Row, m.Window.Encoding, m.Window)));
                continue;
            }

            List<(string, string?)> texts = [.. members.Select(r => (rows[r].Text, rows[r].Pair))];
            var encoded = text?.Sources(texts, maxTokens) ?? _tokenizer.EncodeBatch(texts, maxTokens);
            pieces.AddRange(members.Zip(encoded).Select((m, i) => new Piece(from + i, m.First, m.Second)));
        }

        return pieces;

        (int MaxTokens, TextCodec? Text, int? Overlap) Reading(TaskModel model) =>
            (model.MaxTokens, _texts.GetValueOrDefault(model.Task.Name), (model.Head as SpanHead)?.Config.Overlap);
    }

    private void Answer(Piece[] batch, IReadOnlyList<PredictionRow> rows, Answer[] answers, WindowScores?[] scores)
    {
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        foreach (var written in batch.GroupBy(p => _texts.ContainsKey(rows[p.Row].Task)))
        {
            if (written.Key)
            {
                Write([.. written], rows, answers);
            }
            else
            {
                Read([.. written], rows, answers, scores);
            }
        }
    }

    private Answer Found(PredictionRow row, Encoding encoding, IReadOnlyList<WindowScores> windows)
    {
        var model = _models[row.Task];
        var found = SpanSearch.Find(row.Pair!, windows, ((SpanHead)model.Head).Config.Search);
        return new Answer(model.Task, [], encoding.TruncatedTokens) { Span = found.Best, Candidates = found.Candidates, Context = row.Pair! };
    }

    private void Write(Piece[] batch, IReadOnlyList<PredictionRow> rows, Answer[] answers)
    {
        var input = PaddedBatch.Of([.. batch.Select(p => p.Encoding)], _tokenizer.PadId ?? 0, _backbone.Device);
        var asked = Array.ConvertAll(batch, p => Row(rows[p.Row].Task));
        var texts = TextAnswers.Generate(_backbone, input, asked);
        foreach (var group in Enumerable.Range(0, batch.Length).GroupBy(i => rows[batch[i].Row].Task))
        {
            var (members, model) = (group.ToArray(), _models[group.Key]);
            var probabilities = model.Task.Kind == TaskKind.Classification
                ? TextAnswers.Probabilities(_backbone, PaddedBatch.Rows(input, members), Array.ConvertAll(members, i => asked[i]))
                : null;
            for (var i = 0; i < members.Length; i++)
            {
                var (piece, text) = (batch[members[i]], texts[members[i]]);
                var read = asked[members[i]].Head.Format.Read(text);
                var answer = new Answer(model.Task, probabilities?[i] ?? read, piece.Encoding.TruncatedTokens) { Text = text };
                answers[piece.Row] = model.Task.Kind == TaskKind.Span ? answer with { Span = Located(rows[piece.Row].Pair!, text), Context = rows[piece.Row].Pair! }
                    : probabilities is null ? answer
                    : answer with { Labels = float.IsNaN(read[0]) ? [] : [model.Task.Labels[Evaluator.ArgMax(read)]] };
            }
        }

        TextRow Row(string task) => new(_models[task].Row, (TextHeadConfig)_models[task].Head.Config, _texts[task]);
    }

    // A written answer is a piece of the context where it occurs in it.
    private static SpanCandidate? Located(string context, string written) =>
        TextFormat.AnswerIn(written) is { Length: > 0 } answer && context.IndexOf(answer, StringComparison.Ordinal) is >= 0 and var start
            ? new SpanCandidate(answer, start, start + answer.Length, double.NaN, double.NaN)
            : null;

    private void Read(Piece[] batch, IReadOnlyList<PredictionRow> rows, Answer[] answers, WindowScores?[] scores)
    {
        var input = PaddedBatch.Of([.. batch.Select(p => p.Encoding)], _tokenizer.PadId ?? 0, _backbone.Device);
        var adapters = Array.ConvertAll(batch, p => _models[rows[p.Row].Task].Row);
        var output = new AdaptedModel(_backbone).Forward(input, adapters).Output;
        foreach (var group in Enumerable.Range(0, batch.Length).GroupBy(i => rows[batch[i].Row].Task))
        {
            var members = group.ToArray();
            var model = _models[group.Key];
            var (part, mask) = Rows(output, input.Mask, members, batch.Length);
            if (model.Head is SpanHead span)
            {
                foreach (var (at, found) in members.Zip(SpanAnswers.Scores(span.Forward(part, mask), [.. members.Select(m => batch[m].Window!)])))
                {
                    scores[batch[at].Number] = found;
                }

                continue;
            }

            var head = (PooledHead)model.Head;
            var values = head.Predict(head.Forward(part, mask)).To(DType.Float32).To(Device.Cpu).Contiguous().ToArray<float>();
            foreach (var (at, outputs) in members.Zip(values.Chunk(model.Task.Outputs)))
            {
                answers[batch[at].Row] = new Answer(model.Task, outputs, batch[at].Encoding.TruncatedTokens);
            }
        }
    }

    private static (BackboneOutput Output, Tensor? Mask) Rows(BackboneOutput output, Tensor? mask, int[] members, int count)
    {
        if (members.Length == count)
        {
            return (output, mask);
        }

        var index = Tensor.From(Array.ConvertAll(members, m => (long)m)).To(output.LastHiddenState.Device);
        return (
            new BackboneOutput(output.LastHiddenState.IndexSelect(0, index), null, output.Pooled?.IndexSelect(0, index)),
            mask?.IndexSelect(0, index));
    }

    /// <summary>What a pass computes a row of: a row to answer, or a window of its second text.</summary>
    private sealed record Piece(int Number, int Row, Encoding Encoding, PairWindow? Window = null);
}
