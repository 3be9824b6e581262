using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Tasks.Batches;
using Graft.Tasks.TextToText;
using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>
/// A task's model: a shared frozen backbone, the task's adapter and its head. It owns adapter and head, not the backbone; models of several tasks
/// may be given one adapter and are then disposed together. Thread contract: forward passes may run at once; only training changes it.
/// </summary>
public sealed class TaskModel : IDisposable
{
    /// <summary>Joins the parts.</summary>
    /// <param name="task">What is predicted.</param>
    /// <param name="backbone">The frozen model; not owned.</param>
    /// <param name="adapter">The adapter; owned from now on.</param>
    /// <param name="head">The head; owned from now on.</param>
    /// <param name="maxTokens">The longest row in tokens; longer ones are truncated, in training and in prediction alike.</param>
    /// <exception cref="GraftException">The adapter is a parallel composition, or its virtual tokens leave no room for a text.</exception>
    public TaskModel(TaskDefinition task, Backbone backbone, Adapter adapter, Head head, int maxTokens)
    {
        if (adapter.Branches.Count > 0)
        {
            throw new GraftException($"The composition '{adapter.Name}' gives several outputs a row, and a task has one; make a task model of each adapter.");
        }

        (Task, Backbone, Adapter, Head) = (task, backbone, adapter, head);
        MaxTokens = Math.Min(maxTokens, Room(backbone, adapter.Method, adapter.Config));
        head.MoveTo(backbone.Device);
    }

    /// <summary>What is predicted.</summary>
    public TaskDefinition Task { get; }

    /// <summary>The frozen model.</summary>
    public Backbone Backbone { get; }

    /// <summary>The task's adapter.</summary>
    public Adapter Adapter { get; }

    /// <summary>The task's head.</summary>
    public Head Head { get; }

    /// <summary>The longest row in tokens.</summary>
    public int MaxTokens { get; }

    /// <summary>What the task's rows use in a pass: the adapter, and the task where the adapter holds several.</summary>
    public RowAdapter Row => new(Adapter, Adapter.Tasks.Contains(Task.Name, StringComparer.Ordinal) ? Task.Name : null);

    /// <summary>The tokens that a text may have beside a method's virtual ones.</summary>
    /// <param name="backbone">The frozen model.</param>
    /// <param name="method">The method.</param>
    /// <param name="config">Its settings.</param>
    /// <exception cref="GraftException">The virtual tokens leave too few.</exception>
    public static int Room(Backbone backbone, PeftMethod method, PeftConfig config)
    {
        var taken = method.PositionsTaken(config);
        return backbone.Config.MaxTokens - taken is >= 8 and var room
            ? room
            : throw new GraftException(
                $"{method.Name} takes {taken} of the backbone's {backbone.Config.MaxTokens} positions, which leaves too few for a text; give a smaller length.");
    }

    /// <summary>Every trained parameter: the adapter's under <c>adapter.</c>, the head's under <c>head.</c>.</summary>
    public IEnumerable<(string Path, Parameter Parameter)> Parameters() =>
        Adapter.NamedParameters().Select(p => ("adapter." + p.Path, p.Parameter))
            .Concat(Head.NamedParameters().Select(p => ("head." + p.Path, p.Parameter)));

    /// <summary>Everything that training may change, by name: <see cref="Parameters"/>, then the adapter's buffers under <c>adapter.</c>.</summary>
    /// <returns>Borrowed tensors without gradient history; writing into them changes the model.</returns>
    public IEnumerable<(string Path, Tensor Value)> State() =>
        Parameters().Select(p => (p.Path, p.Parameter.Value.Detach()))
            .Concat(Adapter.NamedBuffers().Where(b => b.Buffer.Kind != BufferKind.Derived).Select(b => ("adapter." + b.Path, b.Buffer.Value.Detach())));

    /// <summary>Tokenizes rows as the model reads them.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    public TokenizedRows Tokenize(IReadOnlyList<Example> rows, Tokenizer tokenizer) => TokenizedRows.Create(
        Task, rows, tokenizer, MaxTokens, Head is TextHead text ? new TextCodec(text.Config.Format, tokenizer, Backbone.Config) : null,
        (Head as SpanHead)?.Config.Overlap);

    /// <summary>Computes the logits of a batch.</summary>
    /// <param name="input">The batch.</param>
    /// <param name="training">The generator of dropout while training; null in evaluation.</param>
    /// <param name="firstLayer">The first block of each stack in which the adapter acts (AdapterDrop).</param>
    /// <returns>The head's scores, such as [B, C] logits, the adapter's term of the training loss or null, and what its parts showed of the pass, by name.</returns>
    public (Tensor Logits, Tensor? AuxiliaryLoss, IReadOnlyDictionary<string, IReadOnlyList<Observation>> Observations) Forward(
        BackboneInput input, Rng? training = null, int firstLayer = 0)
    {
        var rows = Enumerable.Repeat(Row with { FirstLayer = firstLayer }, (int)input.InputIds.Size(0)).ToList();
        var (output, auxiliary, observations) = new AdaptedModel(Backbone).Forward(input, rows, training is not null, training);
        return (Head.Forward(output, input.Mask, training), auxiliary, observations);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Adapter.Dispose();
        Head.Dispose();
    }
}
