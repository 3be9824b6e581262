namespace Graft.Formats.Foreign;

/// <summary>Names of models as Hugging Face's libraries write them, <c>ORG/NAME</c>, and as Graft does, <c>hf:ORG/NAME@REV</c>. Stateless.</summary>
public static class ModelNames
{
    private const string Prefix = "hf:";

    // Models that Graft restores from elsewhere and calls by a short name.
    private static readonly Dictionary<string, string> s_hubNames =
        new(StringComparer.Ordinal) { ["minilm"] = "sentence-transformers/all-MiniLM-L6-v2" };

    /// <summary>Graft's name of a model.</summary>
    /// <param name="name">Its name at the hub, or a folder, or null.</param>
    /// <param name="revision">Its revision, or null.</param>
    public static string? ToGraft(string? name, string? revision) =>
        string.IsNullOrEmpty(name) ? null
        : Directory.Exists(name) || name.Count(c => c == '/') != 1 || name.StartsWith('/') || name.StartsWith('.') ? name
        : $"{Prefix}{name}{(string.IsNullOrEmpty(revision) ? "" : "@" + revision)}";

    /// <summary>The hub's name of a model and its revision.</summary>
    /// <param name="source">Graft's name, or null.</param>
    public static (string? Name, string? Revision) FromGraft(string? source)
    {
        if (source is null || !source.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return (source is null ? null : s_hubNames.GetValueOrDefault(source, source), null);
        }

        var parts = source[Prefix.Length..].Split('@', 2);
        return (parts[0], parts.Length > 1 ? parts[1] : null);
    }
}
