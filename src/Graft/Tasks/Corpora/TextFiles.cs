using System.Text;
using Graft.Torch;

namespace Graft.Tasks.Corpora;

/// <summary>What an item of text files is.</summary>
public enum TextUnit
{
    /// <summary>A line, but not one that separates documents; its end is cut off where it is longer than the model reads.</summary>
    Line,

    /// <summary>A document; one that is longer than the model reads becomes several items.</summary>
    Document,

    /// <summary>As many tokens as the model reads, of documents that follow each other with an end token between them.</summary>
    Packed,
}

/// <summary>A text and where it came from. Immutable.</summary>
/// <param name="Text">The text.</param>
/// <param name="Pair">The second text, or null.</param>
/// <param name="File">The number of its file.</param>
/// <param name="Line">The line on which it begins, from 1.</param>
internal readonly record struct CorpusText(string Text, string? Pair, int File, int Line)
{
    /// <summary>Whether it goes on with the text before it: a long document comes in pieces.</summary>
    public bool GoesOn { get; init; }
}

/// <summary>Reads texts to pretrain on, gzipped or not. Stateless.</summary>
internal static class TextFiles
{
    /// <summary>The line that ends a document where nobody says otherwise.</summary>
    public const string Separator = "<|endoftext|>";

    // A file without separators is one document, and may be larger than memory; pieces of this size keep several threads busy too.
    private const int LongestPiece = 1 << 18;

    private static readonly string[] s_endings = [".txt", ".txt.gz", ".text", ".text.gz"];

    /// <summary>The files of a list of files and folders, of which those with the ending .txt or .txt.gz are taken, in ordinal order.</summary>
    /// <param name="places">Files and folders.</param>
    /// <exception cref="GraftException">One is not there, a folder has none, or one comes twice.</exception>
    public static IReadOnlyList<string> Find(IReadOnlyList<string> places)
    {
        var files = new List<string>();
        foreach (var place in places)
        {
            if (!Directory.Exists(place))
            {
                files.Add(File.Exists(place) ? place : throw new GraftException($"{place}: no such file or folder of texts; check the path."));
                continue;
            }

            var own = Directory.EnumerateFiles(place).Where(f => s_endings.Any(e => f.EndsWith(e, StringComparison.OrdinalIgnoreCase))).Order(StringComparer.Ordinal).ToList();
            files.AddRange(own.Count > 0 ? own : throw new GraftException($"{place}: the folder has no file with the ending {string.Join(", ", s_endings)}; name the files of texts."));
        }

        return files.GroupBy(Path.GetFullPath, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice
            ? throw new GraftException($"{twice.First()}: named twice; name each file of texts once.")
            : files;
    }

    /// <summary>The texts of files, read as they are asked for; blank ones are left out, and a long document comes in pieces that end with a line.</summary>
    /// <param name="files">The files.</param>
    /// <param name="unit">What a text is.</param>
    /// <param name="separator">The line that ends a document; the empty one for a blank line.</param>
    /// <param name="longest">The characters from which on a document is cut at the next end of a line.</param>
    /// <exception cref="GraftException">While enumerating: a file that is missing, unreadable, damaged, or not UTF-8.</exception>
    public static IEnumerable<CorpusText> Read(IReadOnlyList<string> files, TextUnit unit, string separator = Separator, int longest = LongestPiece) =>
        files.SelectMany((file, number) => unit == TextUnit.Line ? Lines(file, number, separator) : Documents(file, number, separator, longest));

    private static IEnumerable<CorpusText> Lines(string file, int number, string separator) =>
        Guarded(file).Where(l => !string.IsNullOrWhiteSpace(l.Text) && l.Text.Trim() != separator).Select(l => new CorpusText(l.Text, null, number, l.Line));

    private static IEnumerable<CorpusText> Documents(string file, int number, string separator, int longest)
    {
        var (text, first, goesOn) = (new StringBuilder(), 0, false);
        foreach (var (line, at) in Guarded(file))
        {
            var ends = line.Trim() == separator;
            if (!ends)
            {
                first = first == 0 && !string.IsNullOrWhiteSpace(line) ? at : first;
                text.Append(first == 0 ? "" : line + "\n");
            }

            if (ends || text.Length >= longest)
            {
                if (first > 0)
                {
                    yield return new CorpusText(text.ToString(), null, number, first) { GoesOn = goesOn };
                }

                goesOn = !ends;
                text.Clear();
                first = 0;
            }
        }

        if (first > 0)
        {
            yield return new CorpusText(text.ToString(), null, number, first) { GoesOn = goesOn };
        }
    }

    private static IEnumerable<(string Text, int Line)> Guarded(string file)
    {
        Stream raw;
        try
        {
            raw = File.OpenRead(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, fault);
        }

        using var stream = Try(file, () => GzipText.Unzip(raw));
        var lines = new TextLines(stream, file, rows: false);
        while (Try(file, lines.Next) is { } line)
        {
            yield return (line, lines.Line);
        }
    }

    private static T Try<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException fault)
        {
            throw new GraftException($"{file}: damaged gzip ({fault.Message.TrimEnd('.')}); take the file again.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(file, fault);
        }
    }

    private static GraftException Unreadable(string file, Exception fault) =>
        new($"{file}: cannot be read ({fault.Message.TrimEnd('.')}); check the path and its permissions.", fault);
}
