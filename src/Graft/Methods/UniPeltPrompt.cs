using System.Runtime.CompilerServices;
using Graft.Methods.Core;

namespace Graft.Methods;

/// <summary>UniPELT with prompt tuning: ten trained vectors in front of the embedded text, which are not gated.</summary>
public sealed class UniPeltPrompt : UniPelt
{
    /// <inheritdoc/>
    public override string Name => "unipelt-pt";

    /// <inheritdoc/>
    public override string Summary => "UniPELT with a prompt in front of the embedded text";

    /// <inheritdoc/>
    public override string Source => "Chen et al. 2024, arXiv 2405.05493, section 3";

    /// <inheritdoc/>
    protected override UniPeltConfig Preset => new(PromptLength: 10);

    [ModuleInitializer]
    internal static new void Register() => PeftMethods.Register(new UniPeltPrompt());
}
