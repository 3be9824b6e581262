namespace Graft.Formats.Sources;

/// <summary>How far a download or a conversion has come. Immutable.</summary>
/// <param name="Text">What is being done, for a progress line.</param>
/// <param name="Done">Bytes done so far.</param>
/// <param name="Total">Bytes in all, or null when that is not known.</param>
public readonly record struct SourceProgress(string Text, long Done, long? Total);
