using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones.Generation;

/// <summary>
/// A backbone that writes text token by token and remembers what it wrote in the cache of a pass. Thread contract: any number of passes may
/// run at once, each on one thread.
/// </summary>
public interface ITextDecoder
{
    /// <summary>Reads a batch, and whatever begins every text.</summary>
    /// <param name="input">The batch.</param>
    /// <param name="pass">The pass, with an empty cache.</param>
    /// <returns>[B, V], floating: the scores of each row's first token.</returns>
    Tensor Begin(BackboneInput input, AdapterPass pass);

    /// <summary>Reads one more token of each row.</summary>
    /// <param name="ids">[R], int64: the tokens; R is B, or B times the beams once the pass's rows are repeated.</param>
    /// <param name="pass">The pass of <see cref="Begin"/>.</param>
    /// <returns>[R, V], floating: the scores of the tokens that follow.</returns>
    Tensor Next(Tensor ids, AdapterPass pass);
}
