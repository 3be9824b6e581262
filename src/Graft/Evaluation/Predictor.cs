using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
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

        var encodings = Encode(rows);
        var answers = new Answer[rows.Count];
        foreach (var batch in BatchSampler.Sorted([.. encodings.Select(e => e.Ids.Length)], batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            Answer(batch, rows, encodings, answers);
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

    private Encoding[] Encode(IReadOnlyList<PredictionRow> rows)
    {
        var encodings = new Encoding[rows.Count];
        foreach (var group in Enumerable.Range(0, rows.Count).GroupBy(r => (_models[rows[r].Task].MaxTokens, Text: _texts.GetValueOrDefault(rows[r].Task))))
        {
            var members = group.ToList();
            List<(string, string?)> texts = [.. members.Select(r => (rows[r].Text, rows[r].Pair))];
            var encoded = group.Key.Text is { } text ? text.Sources(texts, group.Key.MaxTokens) : _tokenizer.EncodeBatch(texts, group.Key.MaxTokens);
            for (var i = 0; i < members.Count; i++)
            {
                encodings[members[i]] = encoded[i];
            }
        }

        return encodings;
    }

    private void Answer(int[] batch, IReadOnlyList<PredictionRow> rows, Encoding[] encodings, Answer[] answers)
    {
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var written = batch.Where(r => _texts.ContainsKey(rows[r].Task)).ToArray();
        if (written.Length > 0)
        {
            Write(written, rows, encodings, answers);
            batch = [.. batch.Except(written)];
        }

        if (batch.Length > 0)
        {
            Pool(batch, rows, encodings, answers);
        }
    }

    private void Write(int[] batch, IReadOnlyList<PredictionRow> rows, Encoding[] encodings, Answer[] answers)
    {
        var input = PaddedBatch.Of([.. batch.Select(r => encodings[r])], _tokenizer.PadId ?? 0, _backbone.Device);
        var asked = Array.ConvertAll(batch, r => Row(rows[r].Task));
        var texts = TextAnswers.Generate(_backbone, input, asked);
        foreach (var group in Enumerable.Range(0, batch.Length).GroupBy(i => rows[batch[i]].Task))
        {
            var (members, model) = (group.ToArray(), _models[group.Key]);
            var probabilities = model.Task.Kind == TaskKind.Classification
                ? TextAnswers.Probabilities(_backbone, PaddedBatch.Rows(input, members), Array.ConvertAll(members, i => asked[i]))
                : null;
            for (var i = 0; i < members.Length; i++)
            {
                var (at, text) = (batch[members[i]], texts[members[i]]);
                var read = asked[members[i]].Head.Format.Read(text);
                var answer = new Answer(model.Task, probabilities?[i] ?? read, encodings[at].TruncatedTokens) { Text = text };
                answers[at] = probabilities is null ? answer
                    : answer with { Labels = float.IsNaN(read[0]) ? [] : [model.Task.Labels[Evaluator.ArgMax(read)]] };
            }
        }

        TextRow Row(string task) => new(_models[task].Row, (TextHeadConfig)_models[task].Head.Config, _texts[task]);
    }

    private void Pool(int[] batch, IReadOnlyList<PredictionRow> rows, Encoding[] encodings, Answer[] answers)
    {
        var input = PaddedBatch.Of([.. batch.Select(r => encodings[r])], _tokenizer.PadId ?? 0, _backbone.Device);
        var adapters = Array.ConvertAll(batch, r => _models[rows[r].Task].Row);
        var output = new AdaptedModel(_backbone).Forward(input, adapters).Output;
        foreach (var group in Enumerable.Range(0, batch.Length).GroupBy(i => rows[batch[i]].Task))
        {
            var members = group.ToArray();
            var model = _models[group.Key];
            var (part, mask) = Rows(output, input.Mask, members, batch.Length);
            var head = (PooledHead)model.Head;
            var values = head.Predict(head.Forward(part, mask)).To(DType.Float32).To(Device.Cpu).Contiguous().ToArray<float>();
            foreach (var (at, outputs) in members.Zip(values.Chunk(model.Task.Outputs)))
            {
                answers[batch[at]] = new Answer(model.Task, outputs, encodings[batch[at]].TruncatedTokens);
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
}
