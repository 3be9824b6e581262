using Graft.Tasks.Corpora;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Corpora;

public sealed class TokenCorpusTests : IDisposable
{
    private const int Cls = 2;
    private const int Sep = 3;

    private readonly TestFolder _folder = new();
    private readonly Tokenizer _tokenizer = TinyModels.Tokenizer();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_line_is_an_item_and_loses_what_is_too_long()
    {
        using var corpus = Made(TextUnit.Line, 6, "ab", "abcdef", "good film");

        Assert.Equal(["[CLS] a ##b [SEP]", "[CLS] a ##b ##c ##d [SEP]", "[CLS] good film [SEP]"], Tokens(corpus));
        Assert.Equal((3, 1, 14), (corpus.Count, corpus.CutItems, corpus.Tokens));
        Assert.Equal([4, 6, 4], corpus.Lengths);
        Assert.Equal(("f", 2), corpus.Place(1));
    }

    [Fact]
    public void A_document_that_is_too_long_becomes_several_items_and_loses_nothing()
    {
        using var corpus = Made(TextUnit.Document, 5, "abcdefg", "good");

        Assert.Equal(["[CLS] a ##b ##c [SEP]", "[CLS] ##d ##e ##f [SEP]", "[CLS] ##g [SEP]", "[CLS] good [SEP]"], Tokens(corpus));
        Assert.Equal(0, corpus.CutItems);
        Assert.Equal([1, 1, 1, 2], Enumerable.Range(0, 4).Select(i => corpus.Place(i).Line));
    }

    [Fact]
    public void Packed_documents_fill_every_item_but_the_last_with_end_tokens_between_them()
    {
        using var corpus = Made(TextUnit.Packed, 6, "abc", "good", "film bad");

        Assert.Equal(["[CLS] a ##b ##c [SEP] [SEP]", "[CLS] good [SEP] film bad [SEP]"], Tokens(corpus));
    }

    [Fact]
    public void A_piece_that_goes_on_with_a_document_gets_no_end_token_before_it()
    {
        using var corpus = Made(
            TextUnit.Packed, 9, [new CorpusText("abc", null, 0, 1), new CorpusText("good", null, 0, 2) { GoesOn = true }, new CorpusText("film", null, 0, 3)]);

        Assert.Equal(["[CLS] a ##b ##c good [SEP] film [SEP]"], Tokens(corpus));
    }

    [Fact]
    public void Items_of_which_nothing_can_be_taken_out_are_left_out_and_counted()
    {
        var corruption = new WordMasking(_tokenizer, _tokenizer.VocabularySize);
        CorpusText Of(string text) => new(text, null, 0, 1);
        var writer = new TokenCorpusWriter(_tokenizer, TextUnit.Line, 9, corruption);
        writer.Write(_folder.At("tokens"), "these", [Of("漢"), Of("good"), Of("漢 漢")], ["f"], cancellation: TestContext.Current.CancellationToken);
        using var corpus = TokenCorpus.Open(_folder.At("tokens"), "these")!;

        Assert.Equal(["[CLS] good [SEP]"], Tokens(corpus));
        Assert.Equal(2, corpus.UnknownItems);
        var told = Assert.Throws<GraftException>(() => new TokenCorpusWriter(_tokenizer, TextUnit.Line, 9, corruption)
            .Write(_folder.At("none"), "these", [Of("漢")], ["f"], cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("knows", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pairs_keep_their_segments()
    {
        using var corpus = Made(TextUnit.Line, 10, [new CorpusText("ab", "good", 0, 1)]);

        var item = corpus.Read(0);

        Assert.Equal([Cls, .. _tokenizer.Encode("ab", addSpecialTokens: false).Ids, Sep, 6, Sep], item.Ids);
        Assert.Equal([0, 0, 0, 0, 1, 1], item.Segments);
    }

    [Fact]
    public void Tokens_of_other_texts_or_damaged_ones_are_not_taken()
    {
        Made(TextUnit.Line, 10, "good", "bad").Dispose();
        var path = _folder.At("tokens");

        Assert.Null(TokenCorpus.Open(path, "others"));
        Assert.Null(TokenCorpus.Open(_folder.At("none"), "these"));
        var bytes = File.ReadAllBytes(path);
        for (var length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Null(TokenCorpus.Open(path, "these"));
        }
    }

    [Fact]
    public void Texts_without_a_token_are_left_out_and_none_at_all_is_refused()
    {
        using (var corpus = Made(TextUnit.Packed, 10, "", "good", "\u200B"))
        {
            Assert.Equal(["[CLS] good [SEP]"], Tokens(corpus));
        }

        Assert.Throws<GraftException>(() => Made(TextUnit.Line, 10, ""));
        Assert.Contains("--max-tokens", Assert.Throws<GraftException>(() => Made(TextUnit.Packed, 2, "good")).Message, StringComparison.Ordinal);
    }

    private TokenCorpus Made(TextUnit unit, int maxTokens, params string[] texts) =>
        Made(unit, maxTokens, [.. texts.Select((t, i) => new CorpusText(t, null, 0, i + 1))]);

    private TokenCorpus Made(TextUnit unit, int maxTokens, CorpusText[] texts)
    {
        new TokenCorpusWriter(_tokenizer, unit, maxTokens).Write(_folder.At("tokens"), "these", texts, ["f"], cancellation: TestContext.Current.CancellationToken);
        return TokenCorpus.Open(_folder.At("tokens"), "these")!;
    }

    private IEnumerable<string> Tokens(TokenCorpus corpus) =>
        Enumerable.Range(0, corpus.Count).Select(i => string.Join(' ', corpus.Read(i).Ids.Select(id => _tokenizer.IdToToken(id))));
}
