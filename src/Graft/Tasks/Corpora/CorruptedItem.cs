namespace Graft.Tasks.Corpora;

/// <summary>A text with something taken out, and what was there. Immutable.</summary>
/// <param name="Input">The ids that the model reads.</param>
/// <param name="Segments">The segment of each of them.</param>
/// <param name="Positions">Where in the input the targets are predicted; empty where a decoder writes them.</param>
/// <param name="Targets">The ids to predict.</param>
internal sealed record CorruptedItem(int[] Input, int[] Segments, int[] Positions, int[] Targets);

/// <summary>How texts are spoilt for a model to restore them. Immutable and thread-safe.</summary>
internal interface ICorruption
{
    /// <summary>Whether anything of a text can be taken out.</summary>
    /// <param name="ids">Its ids, special ones included.</param>
    bool CanSpoil(ReadOnlySpan<int> ids);

    /// <summary>Spoils a text.</summary>
    /// <param name="item">Its ids, special ones included.</param>
    /// <param name="draws">The random numbers; the same ones spoil it in the same way.</param>
    CorruptedItem Corrupt(CorpusItem item, SeededDraws draws);
}
