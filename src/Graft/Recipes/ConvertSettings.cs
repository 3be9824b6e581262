namespace Graft.Recipes;

/// <summary>What <see cref="ConvertAdapter"/> is asked for. Immutable.</summary>
/// <param name="Source">The adapter's folder, in any format.</param>
/// <param name="Destination">The folder to write.</param>
/// <param name="To">The format to write: <c>graft</c>, <c>peft</c> or <c>adapterhub</c>.</param>
public sealed record ConvertSettings(string Source, string Destination, string To)
{
    /// <summary>The backbone's folder or name; null for the one that the source names.</summary>
    public string? Backbone { get; init; }

    /// <summary>The adapter's name: its sub-folder in the source where that holds several, and its name in the destination; null to keep it.</summary>
    public string? Name { get; init; }

    /// <summary>The labels in the order of the head's outputs, where the source does not say them; null to keep what it says.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Whether an adapter that is there is replaced.</summary>
    public bool Overwrite { get; init; }
}
