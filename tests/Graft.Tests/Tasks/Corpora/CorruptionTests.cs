using Graft.Tasks;
using Graft.Tasks.Corpora;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Corpora;

public sealed class CorruptionTests : IDisposable
{
    private readonly TinyModelFolder _t5 = new(t5: true);
    private readonly Tokenizer _words = TinyModels.Tokenizer();

    public void Dispose() => _t5.Dispose();

    [Fact]
    public void Of_the_tokens_15_percent_are_chosen_and_of_those_80_10_and_10_percent_masked_replaced_and_kept()
    {
        const int Rows = 4000;
        const int Length = 50;
        var masking = new WordMasking(_words, TinyBackbones.Vocabulary);
        var random = new Random(5);
        var (chosen, masked, kept, replaced) = (0, 0, 0, 0);
        var drawn = new int[TinyBackbones.Vocabulary];
        for (var row = 0; row < Rows; row++)
        {
            int[] ids = [2, .. Enumerable.Range(0, Length).Select(_ => random.Next(5, TinyBackbones.Vocabulary)), 3];

            var spoilt = masking.Corrupt(new CorpusItem(ids, new int[ids.Length]), new SeededDraws(row, "test"));

            Assert.Equal(ids.Length, spoilt.Input.Length);
            Assert.Equal(spoilt.Positions.Select(p => ids[p]), spoilt.Targets);
            Assert.All(Enumerable.Range(0, ids.Length).Except(spoilt.Positions), t => Assert.Equal(ids[t], spoilt.Input[t]));
            Assert.DoesNotContain(0, spoilt.Positions);
            Assert.DoesNotContain(ids.Length - 1, spoilt.Positions);
            chosen += spoilt.Positions.Length;
            foreach (var t in spoilt.Positions)
            {
                var (now, was) = (spoilt.Input[t], ids[t]);
                masked += now == _words.MaskId ? 1 : 0;
                kept += now == was ? 1 : 0;
                replaced += now != was && now != _words.MaskId ? 1 : 0;
                drawn[now] += now != was && now != _words.MaskId ? 1 : 0;
            }
        }

        // Bounds of five standard deviations; a random word is the mask or the word itself in 2 of 61 draws.
        Near(0.15, chosen, Rows * Length);
        Near(0.8 + (0.1 / 61), masked, chosen);
        Near(0.1 + (0.1 / 61), kept, chosen);
        Near(0.1 * 59 / 61, replaced, chosen);
        Assert.All(Enumerable.Range(0, 61).Where(id => id != _words.MaskId), id => Near(1.0 / 60, drawn[id], replaced));
    }

    [Fact]
    public void The_same_draws_spoil_alike_and_other_draws_otherwise()
    {
        var masking = new WordMasking(_words, TinyBackbones.Vocabulary);
        var item = new CorpusItem([.. Enumerable.Repeat(7, 200)], new int[200]);

        var first = masking.Corrupt(item, new SeededDraws(1, "step 1"));

        Assert.Equal(first.Input, masking.Corrupt(item, new SeededDraws(1, "step 1")).Input);
        Assert.NotEqual(first.Positions, masking.Corrupt(item, new SeededDraws(1, "step 2")).Positions);
        Assert.NotEqual(first.Positions, masking.Corrupt(item, new SeededDraws(2, "step 1")).Positions);
    }

    [Fact]
    public void Whole_words_are_chosen_with_all_their_pieces_or_not_at_all()
    {
        var masking = new WordMasking(_words, TinyBackbones.Vocabulary, share: 0.3, wholeWords: true);
        var random = new Random(1);
        var letters = Enumerable.Range('a', 26).Select(c => $"{(char)c}").ToList();
        var (words, chosenWords) = (0, 0);
        for (var row = 0; row < 500; row++)
        {
            var text = Enumerable.Range(0, 8).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => letters[random.Next(26)]))).ToList();
            var ids = _words.Encode(string.Join(' ', text)).Ids;

            var chosen = masking.Corrupt(new CorpusItem(ids, new int[ids.Length]), new SeededDraws(row, "test")).Positions.ToHashSet();

            var at = 1;
            foreach (var word in text)
            {
                // Each letter is a token.
                var pieces = Enumerable.Range(at, word.Length).ToList();
                Assert.True(pieces.All(chosen.Contains) || !pieces.Exists(chosen.Contains), $"{word}: {string.Join(' ', chosen)}");
                (words, chosenWords) = (words + 1, chosenWords + (chosen.Contains(at) ? 1 : 0));
                at += word.Length;
            }
        }

        Near(0.3, chosenWords, words);
    }

    [Fact]
    public void White_space_ends_a_word_of_byte_level_tokens()
    {
        // Ġ is a blank and Ċ a line feed: "ab", "ba" and "b" on lines of their own, then " a" and "b" as one word.
        using var folder = new TestFolder();
        string[] vocabulary = ["<mask>", "<unk>", "a", "b", "Ġ", "Ċ", "Ġa"];
        var tokens = string.Join(", ", vocabulary.Select((t, id) => $"\"{t}\": {id}"));
        folder.Write("tokenizer.json", $$"""
            {
              "version": "1.0", "truncation": null, "padding": null, "normalizer": null, "post_processor": null, "decoder": null,
              "added_tokens": [{ "id": 0, "content": "<mask>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true }],
              "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true },
              "model": { "type": "BPE", "unk_token": "<unk>", "vocab": { {{tokens}} }, "merges": ["Ġ a"] }
            }
            """);
        folder.Write("tokenizer_config.json", "{\"mask_token\": \"<mask>\", \"unk_token\": \"<unk>\"}");
        var tokenizer = Tokenizer.Load(folder.At());
        var ids = tokenizer.Encode("ab\nba\nb ab").Ids;
        Assert.Equal(["a", "b", "Ċ", "b", "a", "Ċ", "b", "Ġa", "b"], ids.Select(id => tokenizer.IdToToken(id)));
        var masking = new WordMasking(tokenizer, vocabulary.Length, share: 0.5, wholeWords: true);

        var chosen = Enumerable.Range(0, 300).Select(n => masking.Corrupt(new CorpusItem(ids, new int[ids.Length]), new SeededDraws(n, "test")).Positions.ToHashSet()).ToList();

        foreach (var (left, right) in new[] { (0, 1), (3, 4), (7, 8) })
        {
            Assert.All(chosen, c => Assert.Equal(c.Contains(left), c.Contains(right)));
        }

        foreach (var (left, right) in new[] { (1, 2), (2, 3), (1, 3), (4, 5), (5, 6), (6, 7) })
        {
            Assert.Contains(chosen, c => c.Contains(left) && !c.Contains(right));
            Assert.Contains(chosen, c => !c.Contains(left) && c.Contains(right));
        }
    }

    [Fact]
    public void Special_tokens_and_unknown_ones_are_never_chosen()
    {
        var masking = new WordMasking(_words, TinyBackbones.Vocabulary, share: 0.999);

        var spoilt = masking.Corrupt(new CorpusItem([2, 0, 1, 3, 4, 8], new int[6]), new SeededDraws(0, "test"));

        Assert.Equal([5], spoilt.Positions);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(20)]
    [InlineData(100)]
    public void Spans_and_what_stays_make_the_text_again_and_have_the_published_sizes(int length)
    {
        var tokenizer = WithPlaceholders(100);
        var corruption = new SpanCorruption(tokenizer);
        var text = Enumerable.Range(0, length).Select(i => 3 + (i % 40)).ToArray();
        int[] ids = [.. text, tokenizer.SepId!.Value];
        var gone = Math.Clamp((int)Math.Round(length * 0.15), 1, length - 1);
        var spans = Math.Max(1, (int)Math.Round(gone / 3.0));
        for (var draw = 0; draw < 200; draw++)
        {
            var spoilt = corruption.Corrupt(new CorpusItem(ids, new int[ids.Length]), new SeededDraws(draw, "test"));

            Assert.Empty(spoilt.Positions);
            Assert.Equal(length - gone + spans + 1, spoilt.Input.Length);
            Assert.Equal(gone + spans + 1, spoilt.Targets.Length);
            Assert.Equal(spoilt.Input.Length, spoilt.Segments.Length);
            Assert.NotEqual(tokenizer.TokenToId("<extra_id_0>"), spoilt.Input[0]);
            Assert.Equal(text, Filled(spoilt, tokenizer));
        }
    }

    [Fact]
    public void Every_place_is_taken_out_about_as_often_as_others_and_never_the_first_one()
    {
        const int Length = 40;
        const int Draws = 6000;
        var tokenizer = WithPlaceholders(100);
        var corruption = new SpanCorruption(tokenizer);
        int[] ids = [.. Enumerable.Range(3, Length), tokenizer.SepId!.Value];
        var gone = new int[Length];
        for (var draw = 0; draw < Draws; draw++)
        {
            foreach (var id in corruption.Corrupt(new CorpusItem(ids, new int[ids.Length]), new SeededDraws(draw, "test")).Targets.Where(t => t is >= 3 and < 3 + Length))
            {
                gone[id - 3]++;
            }
        }

        Assert.Equal(0, gone[0]);
        Assert.Equal(6 * Draws, gone.Sum());

        // The last span ends the text, the others fall anywhere before it.
        Assert.Equal(Draws, gone[^1]);
        Assert.All(gone[5..30], count => Assert.InRange(count, 0.06 * Draws, 0.15 * Draws));
    }

    [Fact]
    public void A_tokenizer_without_placeholders_is_refused()
    {
        var error = Assert.Throws<GraftException>(() => new SpanCorruption(Tokenizer.Load(_t5.Model)));

        Assert.Contains("<extra_id_0>", error.Message, StringComparison.Ordinal);
    }

    private static void Near(double share, int count, int of)
    {
        var deviation = Math.Sqrt(share * (1 - share) / of);
        Assert.InRange((double)count / of, share - (5 * deviation), share + (5 * deviation));
    }

    private static IEnumerable<int> Filled(CorruptedItem spoilt, Tokenizer tokenizer)
    {
        var spans = new Dictionary<int, List<int>>();
        List<int>? open = null;
        foreach (var id in spoilt.Targets[..^1])
        {
            if (tokenizer.IdToToken(id)!.StartsWith("<extra_id_", StringComparison.Ordinal))
            {
                spans.Add(id, open = []);
            }
            else
            {
                open!.Add(id);
            }
        }

        return spoilt.Input[..^1].SelectMany(id => spans.TryGetValue(id, out var span) ? (IEnumerable<int>)span : [id]);
    }

    private Tokenizer WithPlaceholders(int count) => TinyT5Folder.WithPlaceholders(_t5.Model, count);
}
