using Graft.Backbones;

namespace Graft.Methods.Core;

/// <summary>A method that can tell from a text which of its tasks the text is like, as PHA's retriever can.</summary>
public interface IRetrievesTasks
{
    /// <summary>Whether adapters with these settings can.</summary>
    /// <param name="config">The settings.</param>
    bool Retrieves(PeftConfig config);

    /// <summary>The temperature at which similarities become weights, <c>softmax(s / τ)</c>.</summary>
    /// <param name="config">The settings.</param>
    double Temperature(PeftConfig config);

    /// <summary>How like the rows of a batch are to each task.</summary>
    /// <param name="adapter">An adapter of this method; not changed.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <param name="rows">The batch, of B rows.</param>
    /// <param name="tasks">T tasks of the adapter.</param>
    /// <returns>For each of the B rows the T cosines, in the order of <paramref name="tasks"/>.</returns>
    IReadOnlyList<double[]> Similarities(Adapter adapter, Backbone backbone, BackboneInput rows, IReadOnlyList<string> tasks);
}

/// <summary>How a new task starts from those that an adapter knows.</summary>
public enum TaskStart
{
    /// <summary>At the task to which its rows are most alike on average.</summary>
    Nearest,

    /// <summary>At the task to which most of its rows are most alike; of equals the nearer one.</summary>
    Vote,

    /// <summary>At the mean of all tasks with weights <c>softmax(s / τ)</c> of the average similarities.</summary>
    Mixture,

    /// <summary>At the task under whose part of the adapter its rows are answered best, as far as that can be told without training.</summary>
    Best,

    /// <summary>As the method starts any task.</summary>
    Fresh,
}
