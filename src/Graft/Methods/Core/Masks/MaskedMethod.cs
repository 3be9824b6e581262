using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>A method with one prototype under learnt binary masks: what PROPETL's adapter, LoRA and prefix have in common.</summary>
/// <typeparam name="TConfig">The settings' record.</typeparam>
public abstract class MaskedMethod<TConfig> : PeftMethod<TConfig>
    where TConfig : MaskedConfig
{
    /// <inheritdoc/>
    public sealed override string Source => "Zeng et al. 2023, arXiv 2305.17682; the authors' code";

    /// <inheritdoc/>
    public sealed override bool SharesAcrossTasks => true;

    /// <inheritdoc/>
    public override PeftConfig Stored(PeftConfig config) => ((TConfig)config).Fixed();

    /// <inheritdoc/>
    public sealed override PeftConfig Trainable(PeftConfig config) => (TConfig)config with { Masks = MaskForm.Trained };

    /// <inheritdoc/>
    public sealed override IReadOnlyList<MethodPicture> Pictures(Adapter adapter, IReadOnlyDictionary<string, double> observed) =>
        [.. base.Pictures(adapter, observed), .. MaskPictures.Of(adapter)];

    /// <inheritdoc/>
    public sealed override JsonObject Describe(PeftConfig config, IReadOnlyCollection<string> keys, Func<string, Tensor> load) =>
        MaskFacts.Of((TConfig)config, keys, load);

    /// <inheritdoc/>
    protected sealed override TConfig Settled(TConfig config, int tasks) => (TConfig)((MaskedConfig)config).Settled(tasks);
}
