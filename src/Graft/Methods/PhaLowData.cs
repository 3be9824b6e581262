using System.Runtime.CompilerServices;
using Graft.Methods.Core;

namespace Graft.Methods;

/// <summary>
/// PHA as its authors train it on little data: they sum the task's loss over the positions of a batch, about 128 rows of 2.5 target tokens, so that
/// beside it the contrastive losses weigh 1/320 of what they weigh beside a mean. Here the task's loss stays a mean and the weights are as much smaller,
/// whatever the size of a batch; a sum over other batches weighs them otherwise, and gradients are clipped before they are as long as a sum's.
/// </summary>
public sealed class PhaLowData : Pha
{
    private const double Weight = 0.1 / (128 * 2.5);

    /// <inheritdoc/>
    public override string Name => "pha-lowdata";

    /// <inheritdoc/>
    public override string Summary => "PHA with the small weights of the contrastive losses of its authors' low-data recipe";

    /// <inheritdoc/>
    protected override PhaConfig Preset => new(InstanceWeight: Weight, PrototypeWeight: Weight);

    [ModuleInitializer]
    internal static new void Register() => PeftMethods.Register(new PhaLowData());
}
