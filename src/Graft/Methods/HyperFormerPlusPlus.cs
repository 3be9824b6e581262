using System.Runtime.CompilerServices;
using Graft.Methods.Core;

namespace Graft.Methods;

/// <summary>
/// HyperFormer++: one hypernetwork of each stack generates the adapters of all blocks and sublayers, from embeddings of the task, the block and the
/// position.
/// </summary>
public sealed class HyperFormerPlusPlus : HyperFormer
{
    /// <inheritdoc/>
    public override string Name => "hyperformer++";

    /// <inheritdoc/>
    public override string Summary => "adapters generated from embeddings of task, block and position by one hypernetwork per stack";

    /// <inheritdoc/>
    public override string Source => "Karimi Mahabadi et al. 2021, arXiv 2106.04489, section 2.4; the authors' code";

    /// <inheritdoc/>
    protected override HyperFormerConfig Preset => new(SharedHeads: true);

    [ModuleInitializer]
    internal static new void Register() => PeftMethods.Register(new HyperFormerPlusPlus());
}
