using Graft.Torch;

namespace Graft.Text.Models;

/// <summary>One token of a word: its id, the units [Start, End) of the word, and whether its text is that part of the word itself.</summary>
internal readonly record struct WordToken(int Id, int Start, int End, bool Literal);

/// <summary>Splits words into tokens of a vocabulary. Thread contract: immutable; the lists are the caller's.</summary>
internal abstract class TokenModel(Vocabulary vocabulary)
{
    public Vocabulary Vocabulary { get; } = vocabulary;

    /// <summary>Appends the tokens of a word that is not empty.</summary>
    /// <exception cref="GraftException">The word holds something unknown and the vocabulary has no unknown token.</exception>
    public abstract void Tokenize(ReadOnlySpan<char> word, List<WordToken> output);
}
