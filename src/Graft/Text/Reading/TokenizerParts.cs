using Graft.Text.Decoders;
using Graft.Text.Models;
using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;
using Graft.Text.Processing;

namespace Graft.Text;

/// <summary>What a tokenizer is made of.</summary>
internal sealed record TokenizerParts(
    TokenModel Model,
    IReadOnlyList<AddedToken> AddedTokens,
    Normalizer? Normalizer = null,
    PreTokenizer? PreTokenizer = null,
    PostProcessor? PostProcessor = null,
    Decoder? Decoder = null);
