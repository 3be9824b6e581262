namespace Graft;

/// <summary>Writes command lines that can be pasted into a shell. Stateless and thread-safe.</summary>
public static class ShellWord
{
    /// <summary>A word as a POSIX shell reads it back: in single quotes where it has characters that mean something to a shell.</summary>
    /// <param name="word">The word.</param>
    public static string Quoted(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        return word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "-_=.,:/@+~".Contains(c, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }
}
