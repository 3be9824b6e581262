using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Graft.Torch;

namespace Graft.Tasks.Suites;

/// <summary>A set of synonyms of WordNet. Immutable.</summary>
/// <param name="Key">Part of speech (n, v, a, r) and the eight digits of its place in its file.</param>
/// <param name="Field">Number of its lexicographer file, 0 to 44.</param>
/// <param name="Words">Its words.</param>
/// <param name="Pointers">Its relations: symbol and the other set's key, in file order.</param>
/// <param name="Definition">Its gloss without examples.</param>
/// <param name="Examples">The examples in its gloss.</param>
internal sealed record Synset(
    string Key, int Field, IReadOnlyList<string> Words, IReadOnlyList<(string Symbol, string Target)> Pointers, string Definition, IReadOnlyList<string> Examples)
{
    /// <summary>The part of speech.</summary>
    public char PartOfSpeech => Key[0];
}

/// <summary>Reads WordNet's <c>data.*</c> files. Thread-safe.</summary>
internal static partial class WordNet
{
    /// <summary>The files and the letters of their parts of speech, in reading order.</summary>
    public static IReadOnlyList<(char PartOfSpeech, string Name)> Files { get; } = [('n', "data.noun"), ('v', "data.verb"), ('a', "data.adj"), ('r', "data.adv")];

    /// <summary>All sets of one file, in file order.</summary>
    /// <param name="name">The file's name, for messages.</param>
    /// <param name="partOfSpeech">Letter of its part of speech.</param>
    /// <param name="content">The file's bytes.</param>
    /// <exception cref="GraftException">A line is not of the expected form.</exception>
    public static IEnumerable<Synset> Read(string name, char partOfSpeech, ReadOnlyMemory<byte> content)
    {
        var number = 0;
        foreach (var line in Encoding.UTF8.GetString(content.Span).Split('\n'))
        {
            number++;
            if (line.Length > 0 && !line.StartsWith("  ", StringComparison.Ordinal))
            {
                yield return Parse(name, number, partOfSpeech, line);
            }
        }
    }

    /// <summary>
    /// Splits a gloss: the definition ends at the first quoted run that opens the gloss or follows <c>;</c> or <c>:</c>; from
    /// there on every quoted run is an example.
    /// </summary>
    public static (string Definition, IReadOnlyList<string> Examples) SplitGloss(string gloss)
    {
        gloss = gloss.Trim();
        var runs = Quoted().Matches(gloss);
        for (var i = 0; i < runs.Count; i++)
        {
            var before = gloss.AsSpan(0, runs[i].Index).TrimEnd();
            if (before.Length == 0 || before[^1] is ';' or ':')
            {
                return (before.TrimEnd(";: ").ToString(), [.. runs.Skip(i).Select(run => run.Groups["text"].Value.Trim())]);
            }
        }

        return (gloss.TrimEnd(';', ':', ' '), []);
    }

    /// <summary>A definition without the parentheses that open it, which mostly name its topic.</summary>
    public static string WithoutLeadingParentheses(string definition) => LeadingParentheses().Replace(definition, "");

    private static Synset Parse(string name, int number, char partOfSpeech, string line)
    {
        try
        {
            var bar = line.IndexOf(" | ", StringComparison.Ordinal);
            var fields = line[..bar].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            var words = new string[int.Parse(fields[3], NumberStyles.AllowHexSpecifier)];
            for (var i = 0; i < words.Length; i++)
            {
                words[i] = Marker().Replace(fields[4 + (2 * i)], "").Replace('_', ' ');
            }

            var at = 4 + (2 * words.Length);
            var pointers = new (string, string)[int.Parse(fields[at++], NumberStyles.None)];
            for (var i = 0; i < pointers.Length; i++, at += 4)
            {
                pointers[i] = (fields[at], fields[at + 2].Replace('s', 'a') + fields[at + 1]);
            }

            var (definition, examples) = SplitGloss(line[(bar + 3)..]);
            return new Synset(partOfSpeech + fields[0], int.Parse(fields[1], NumberStyles.None), words, pointers, definition, examples);
        }
        catch (Exception fault) when (fault is FormatException or ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            throw new GraftException($"Line {number} of WordNet's {name} is not a synonym set; fetch the package again.", fault);
        }
    }

    [GeneratedRegex("\"(?<text>[^\"]*)\"", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\((a|p|ip)\)$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Marker();

    [GeneratedRegex(@"^(\([^)]*\)\s*)+", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex LeadingParentheses();
}
