using Graft.Text.Models;
using Graft.Text.Processing;
using Graft.Torch;

namespace Graft.Text.Reading;

/// <summary>Reads vocabularies that stand in files of their own.</summary>
internal static class VocabularyFiles
{
    /// <summary>One token a line, numbered from 0; a line's trailing white space does not count.</summary>
    public static Vocabulary ReadWords(string path)
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var lines = ReadLines(path);
        for (var i = 0; i < lines.Count; i++)
        {
            ids[lines[i].TrimEnd()] = i;
        }

        return ids.Count > 0 ? new Vocabulary(ids) : throw new GraftException($"{path} is empty; expected one token a line.");
    }

    /// <summary>A JSON object from tokens to ids.</summary>
    public static Vocabulary ReadJson(string path)
    {
        using var document = TokenizerFile.Parse(path);
        return ModelReader.ReadVocabulary(new JsonField(path, string.Empty, document.RootElement));
    }

    /// <summary>Whether a model is uncased, by its <c>tokenizer_config.json</c>; without one it is.</summary>
    public static bool ReadLowercase(string path)
    {
        if (!File.Exists(path))
        {
            return true;
        }

        using var document = TokenizerFile.Parse(path);
        return new JsonField(path, string.Empty, document.RootElement).Flag("do_lower_case", whenAbsent: true);
    }

    /// <summary>Pairs of tokens in the order of their ranks, one pair a line; a line that begins with "#version" does not count.</summary>
    public static IReadOnlyList<(string Left, string Right)> ReadMerges(string path)
    {
        var pairs = new List<(string, string)>();
        var lines = ReadLines(path);
        for (var i = 0; i < lines.Count; i++)
        {
            if (lines[i].StartsWith("#version", StringComparison.Ordinal))
            {
                continue;
            }

            pairs.Add(lines[i].Split(' ') is [var left, var right]
                ? (left, right)
                : throw new GraftException($"{path}, line {i + 1}: expected two tokens with a blank between."));
        }

        return pairs;
    }

    /// <summary>Those of the tokens that the vocabulary has, as special tokens.</summary>
    public static IEnumerable<AddedToken> Special(IEnumerable<string> tokens, Vocabulary vocabulary) =>
        tokens.Where(token => vocabulary.IdOf(token) >= 0).Select(token => new AddedToken(token, false, false, false, Normalized: false, Special: true));

    public static IReadOnlyList<string> ReadLines(string path)
    {
        try
        {
            var text = new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(path));
            var lines = text.Split('\n').Select(line => line.EndsWith('\r') ? line[..^1] : line).ToList();
            if (lines[^1].Length == 0)
            {
                lines.RemoveAt(lines.Count - 1);
            }

            return lines;
        }
        catch (System.Text.DecoderFallbackException fault)
        {
            throw new GraftException($"{path} is not UTF-8 at byte {fault.Index}; convert it to UTF-8.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path} cannot be read: {fault.Message.TrimEnd('.')}.", fault);
        }
    }
}
