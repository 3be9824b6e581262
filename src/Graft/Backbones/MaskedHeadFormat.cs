namespace Graft.Backbones;

/// <summary>
/// The head that predicts masked words in pretraining, as checkpoints keep it: <c>norm(act(h Wᵀ + b)) Eᵀ + c</c> with the word embeddings E [V, W] as
/// its decoder. Immutable.
/// </summary>
/// <param name="Architecture">The Hugging Face class that has it, such as <c>BertForMaskedLM</c>.</param>
/// <param name="Dense">The path of the linear map W, b.</param>
/// <param name="Norm">The path of the layer norm.</param>
/// <param name="Bias">The key of c.</param>
/// <param name="Decoder">The path of the decoder, whose weight some files repeat.</param>
/// <param name="Activation">The activation by its name in <c>config.json</c>.</param>
/// <param name="NormEpsilon">ε of the norm.</param>
public sealed record MaskedHeadFormat(
    string Architecture, string Dense, string Norm, string Bias, string Decoder, string Activation, double NormEpsilon);
