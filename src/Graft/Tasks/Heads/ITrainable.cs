using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>
/// What a training changes: an adapter on a frozen backbone, and the heads that read it. Thread contract: forward passes may run at once; only
/// training changes it.
/// </summary>
public interface ITrainable
{
    /// <summary>The frozen model; not owned.</summary>
    Backbone Backbone { get; }

    /// <summary>The adapter.</summary>
    Adapter Adapter { get; }

    /// <summary>The names of what is trained together, at least one, by which a step's loss is told apart.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>Every trained parameter by its path: the adapter's under <c>adapter.</c>, then the heads'.</summary>
    IEnumerable<(string Path, Parameter Parameter)> Parameters();

    /// <summary>The only one of <see cref="Names"/> that trains a parameter of <see cref="Parameters"/>; null for what all of them train.</summary>
    /// <param name="path">Its path.</param>
    string? TaskOf(string path);

    /// <summary>Everything that training may change, by name: <see cref="Parameters"/>, then the adapter's buffers under <c>adapter.</c>.</summary>
    /// <returns>Borrowed tensors without gradient history; writing into them changes the model.</returns>
    IEnumerable<(string Path, Tensor Value)> State() =>
        Parameters().Select(p => (p.Path, p.Parameter.Value.Detach()))
            .Concat(Adapter.NamedBuffers().Where(b => b.Buffer.Kind != BufferKind.Derived).Select(b => ("adapter." + b.Path, b.Buffer.Value.Detach())));
}
