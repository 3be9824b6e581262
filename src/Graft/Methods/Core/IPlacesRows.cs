using Graft.Backbones;

namespace Graft.Methods.Core;

/// <summary>A method that places rows among its tasks, as PHA's retriever does, and can draw them there.</summary>
public interface IPlacesRows
{
    /// <summary>Pictures of rows among the tasks of an adapter.</summary>
    /// <param name="adapter">An adapter of this method; not changed.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <param name="rows">Some rows of each task.</param>
    /// <returns>The pictures; none where the settings place no rows.</returns>
    IReadOnlyList<MethodPicture> Pictures(Adapter adapter, Backbone backbone, IReadOnlyList<TaskRows> rows);
}

/// <summary>Rows of a task as a batch.</summary>
/// <param name="Task">The task.</param>
/// <param name="Batch">The batch.</param>
public sealed record TaskRows(string Task, BackboneInput Batch);
