namespace Graft.Methods.Core;

/// <summary>
/// A method that is trained on top of trained adapters, which its own adapter then holds frozen, so that its packages load alone. Its settings
/// name them by place until they are read, and describe them from then on.
/// </summary>
public interface IBuildsOnAdapters
{
    /// <summary>The places of the adapters that the settings name and that have to be read; empty when the settings describe them.</summary>
    /// <param name="config">The settings.</param>
    IReadOnlyList<string> Places(PeftConfig config);

    /// <summary>The settings with the adapters' descriptions instead of their places.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="trained">The adapters, in the order of the places.</param>
    /// <exception cref="Graft.Torch.GraftException">The method cannot build on one of them.</exception>
    PeftConfig Describe(PeftConfig config, IReadOnlyList<Adapter> trained);

    /// <summary>Copies the weights of the trained adapters into an adapter that was attached with their descriptions.</summary>
    /// <param name="adapter">The adapter of this method.</param>
    /// <param name="trained">The trained adapters, in the order of their descriptions.</param>
    /// <exception cref="Graft.Torch.GraftException">There are no trained adapters, or not those that are described.</exception>
    void TakeOver(Adapter adapter, IReadOnlyList<Adapter> trained);
}
