using System.Globalization;
using Graft.Torch;

namespace Graft.Backbones.Generation;

/// <summary>When a search by beams ends for a row.</summary>
public enum EarlyStopping
{
    /// <summary>When no open beam could do better if it ended now; Hugging Face's <c>early_stopping=False</c>.</summary>
    Attainable,

    /// <summary>As soon as there are as many whole texts as beams; Hugging Face's <c>early_stopping=True</c>.</summary>
    FirstTexts,

    /// <summary>When no open beam could do better at any length; Hugging Face's <c>early_stopping="never"</c>.</summary>
    Never,
}

/// <summary>
/// How texts are written. One beam takes the likeliest token each time, or draws it (<see cref="Sample"/>); several search for the text with
/// the largest <c>Σ log p / n^LengthPenalty</c>, where n counts the written tokens, the end among them. Lengths count what is written, not the
/// token that the decoder starts from: Hugging Face's <c>max_length</c> and <c>min_length</c> are larger by one. Immutable.
/// </summary>
public sealed record GenerationSettings
{
    /// <summary>The most tokens that are written, the end among them.</summary>
    public int MaxTokens { get; init; } = 64;

    /// <summary>The least tokens in front of the end; as many as <see cref="MaxTokens"/> for texts of just that length, without an end.</summary>
    public int MinTokens { get; init; }

    /// <summary>The number of beams.</summary>
    public int Beams { get; init; } = 1;

    /// <summary>The exponent of the length by which a text's log-probability is divided; above 0 favours longer texts.</summary>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>When a search by beams ends.</summary>
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary>Whether tokens are drawn by their probability.</summary>
    public bool Sample { get; init; }

    /// <summary>What scores are divided by before drawing; below 1 sharpens.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>The number of likeliest tokens to draw from; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>The probability that the likeliest tokens must reach together; what is less likely is not drawn (Holtzman et al. 2020, arXiv 1904.09751).</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Whether keys and values are remembered from token to token. The texts are the same without, and take far longer.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>Refuses settings that are out of range or contradict each other.</summary>
    /// <param name="vocabulary">The number of tokens V.</param>
    /// <exception cref="GraftException">They do.</exception>
    internal void Check(int vocabulary)
    {
        Expect(MaxTokens >= 1, "max_tokens", MaxTokens, "at least 1");
        Expect(MinTokens >= 0 && MinTokens <= MaxTokens, "min_tokens", MinTokens, $"0 to {MaxTokens}, which is max_tokens");
        Expect(Beams >= 1 && (Beams == 1 || 2 * Beams < vocabulary), "beams", Beams, $"1 to {Math.Max(1, (vocabulary - 1) / 2)} with {vocabulary} tokens");
        Expect(!(Sample && Beams > 1), "beams", Beams, "1 when tokens are drawn");
        Expect(double.IsFinite(LengthPenalty), "length_penalty", LengthPenalty, "a finite number");
        Expect(Temperature > 0 && double.IsFinite(Temperature), "temperature", Temperature, "above 0");
        Expect(TopK >= 0, "top_k", TopK, "0 for all tokens, or how many");
        Expect(TopP is > 0 and <= 1, "top_p", TopP, "above 0 and at most 1");
    }

    private static void Expect(bool holds, string name, double value, string expected)
    {
        if (!holds)
        {
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"{name} of the generation is {value}, expected {expected}."));
        }
    }
}

/// <summary>A written text.</summary>
/// <param name="Ids">Its tokens, without the one that the decoder starts from and without the end.</param>
/// <param name="Score"><c>Σ log p / n^LengthPenalty</c> over its n tokens, the end among them where it was written.</param>
/// <param name="Ended">Whether the end was written; otherwise the text stopped at the largest length.</param>
public sealed record GeneratedText(IReadOnlyList<int> Ids, double Score, bool Ended);
