using Graft.TestKit;
using Graft.Text;
using Graft.Text.Making;
using Xunit;

namespace Graft.Tests.Text.Making;

public sealed class WordPieceTrainerTests
{
    [Fact]
    public void The_commonest_neighbours_become_a_piece_first()
    {
        var words = new Dictionary<string, long> { ["hug"] = 10, ["pug"] = 5, ["pun"] = 12, ["bun"] = 4, ["hugs"] = 5 };

        var tokens = WordPieceTrainer.Train(words, size: 40);

        // ##u ##g 20; ##u ##n 16 before h ##ug 15; then h ##ug 15, p ##un 12, p ##ug 5 and hug ##s 5, b ##un 4.
        Assert.Equal(
            ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "b", "g", "h", "n", "p", "s", "u", "##u", "##n", "##g", "##s", "##ug", "##un", "hug", "pun", "pug", "hugs", "bun"],
            tokens);
    }

    [Fact]
    public void The_size_is_kept_and_rare_characters_and_pairs_are_left_out()
    {
        var words = new Dictionary<string, long> { ["aaaa"] = 9, ["ab"] = 3, ["xa"] = 1 };

        Assert.Equal(["##a", "##aa", "##b", "a", "aaa", "aaaa", "ab", "b"], WordPieceTrainer.Train(words, 100, alphabet: 2).Skip(5).Order(StringComparer.Ordinal));
        Assert.Equal(7, WordPieceTrainer.Train(words, 7).Count);
        Assert.DoesNotContain("xa", WordPieceTrainer.Train(words, 100));
    }

    [Fact]
    public void The_files_load_as_a_tokenizer_that_cuts_words_into_their_pieces()
    {
        using var folder = new TestFolder();
        var counts = new WordCounts(lowercase: true);
        for (var i = 0; i < 3; i++)
        {
            counts.Add("Der Häuser-Hub hub Häuser.");
        }

        WordPieceFiles.Write(folder.Path, WordPieceTrainer.Train(counts.Counts, 60), lowercase: true, longest: 64);

        var tokenizer = Tokenizer.Load(folder.Path);
        var words = Tokenizer.FromVocabTxt(folder.At("vocab.txt"));
        foreach (var text in new[] { "hub der Häuser", "HUBER -", "unbekannt" })
        {
            Assert.Equal(tokenizer.Encode(text, "hub").Ids, words.Encode(text, "hub").Ids);
        }

        Assert.Equal(["[CLS]", "hub", "hauser", ".", "[SEP]"], tokenizer.Encode("Hub Häuser.").Tokens);
        Assert.Equal((0, 1, 2, 3, 4), (tokenizer.PadId, tokenizer.UnkId, tokenizer.ClsId, tokenizer.SepId, tokenizer.MaskId));
        Assert.Equal(6, counts.Counts["hub"]);
    }

    [Fact]
    public void Merging_agrees_with_counting_all_pairs_anew_each_time()
    {
        var random = new Random(4);
        var words = Enumerable.Range(0, 300).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => (char)('a' + random.Next(5)))))
            .GroupBy(w => w, StringComparer.Ordinal).ToDictionary(g => g.Key, g => (long)g.Count() * random.Next(1, 7), StringComparer.Ordinal);

        Assert.Equal(Plain(words, 120), WordPieceTrainer.Train(words, 120));
    }

    /// <summary>The same by the book: count every pair, merge the commonest, begin again.</summary>
    private static IReadOnlyList<string> Plain(Dictionary<string, long> words, int size)
    {
        List<string> tokens = [.. WordPieceTrainer.Special, .. words.Keys.SelectMany(w => w).Distinct().Order().Select(c => $"{c}")];
        var split = words.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => (Pieces: w.Key.Select((c, i) => i == 0 ? $"{c}" : $"##{c}").ToList(), w.Value)).ToList();
        tokens.AddRange(split.SelectMany(w => w.Pieces).Where(p => !tokens.Contains(p)).Distinct(StringComparer.Ordinal).ToList());
        while (tokens.Count < size)
        {
            var best = split.SelectMany(w => w.Pieces.Zip(w.Pieces.Skip(1), (a, b) => (Pair: (a, b), w.Value)))
                .GroupBy(p => p.Pair).Select(g => (g.Key, Count: g.Sum(p => p.Value)))
                .Where(p => p.Count >= 2).OrderByDescending(p => p.Count).ThenBy(p => tokens.IndexOf(p.Key.a)).ThenBy(p => tokens.IndexOf(p.Key.b)).FirstOrDefault();
            if (best.Count == 0)
            {
                break;
            }

            var merged = best.Key.a + best.Key.b[2..];
            if (!tokens.Contains(merged))
            {
                tokens.Add(merged);
            }

            foreach (var (pieces, _) in split)
            {
                for (var i = 0; i + 1 < pieces.Count; i++)
                {
                    if ((pieces[i], pieces[i + 1]) == best.Key)
                    {
                        pieces[i] = merged;
                        pieces.RemoveAt(i + 1);
                    }
                }
            }
        }

        return tokens;
    }
}
