using System.Text;
using Graft.Tasks.Suites;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Suites;

public sealed class SuiteTests
{
    [Fact]
    public void A_split_depends_on_the_keys_alone_and_keeps_groups_together()
    {
        List<SuiteRow> rows = [.. Enumerable.Range(0, 3000).Select(i => new SuiteRow($"k{i}", $"t{i}", null, "x", Group: $"g{i / 3}"))];

        var (train, dev, test) = SuiteSplit.Of(rows, testTenths: 2);
        var (trainAgain, _, _) = SuiteSplit.Of([.. Enumerable.Reverse(rows)], testTenths: 2);

        Assert.Equal(train, trainAgain);
        Assert.Equal(3000, train.Count + dev.Count + test.Count);
        Assert.InRange(test.Count, 450, 750);
        Assert.InRange(dev.Count, 200, 400);
        Assert.Empty(train.Select(row => row.Group).Intersect(test.Concat(dev).Select(row => row.Group)));
        Assert.NotEqual(train.OrderBy(row => int.Parse(row.Key.AsSpan(1))), train);
    }

    [Fact]
    public void A_key_falls_into_the_tenth_that_its_hash_says() =>
        Assert.Equal([4, 1], (int[])[SuiteSplit.Tenth("n00001740"), SuiteSplit.Tenth("n00001930")]);

    [Fact]
    public void Large_test_and_dev_splits_are_cut_and_train_is_not()
    {
        List<SuiteRow> rows = [.. Enumerable.Range(0, 40_000).Select(i => new SuiteRow($"k{i}", "t", null, "x"))];

        var (train, dev, test) = SuiteSplit.Of(rows, testTenths: 1);

        Assert.Equal((SuiteSplit.MostDev, SuiteSplit.MostTest), (dev.Count, test.Count));
        Assert.InRange(train.Count, 31_000, 33_000);
    }

    [Theory]
    [InlineData("a thing", "a thing", 0)]
    [InlineData("a thing; \"use it\"; \"and again\"", "a thing", 2)]
    [InlineData("\"only an example\"", "", 1)]
    [InlineData("the \"quoted\" word in it; \"an example\"- Somebody", "the \"quoted\" word in it", 1)]
    [InlineData("used as: \"so\";", "used as", 1)]
    public void A_gloss_is_split_at_its_first_example(string gloss, string definition, int examples)
    {
        var split = WordNet.SplitGloss(gloss);

        Assert.Equal((definition, examples), (split.Definition, split.Examples.Count));
    }

    [Fact]
    public void A_line_of_WordNet_is_read_with_its_hexadecimal_word_count_and_its_markers_taken_off()
    {
        var line = "00001740 05 s 0a a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 last_word(ip) 0 002 @ 00002000 n 0000 & 00003000 s 0101 | a gloss; \"an example\"\n";

        var synset = Assert.Single(WordNet.Read("data.adj", 'a', Encoding.UTF8.GetBytes("  1 licence\n" + line)));

        Assert.Equal(("a00001740", 5, 10, "last word", "a gloss"), (synset.Key, synset.Field, synset.Words.Count, synset.Words[9], synset.Definition));
        Assert.Equal([("@", "n00002000"), ("&", "a00003000")], synset.Pointers);
    }

    [Theory]
    [InlineData("00001740 05 n 01 a 0 001 @ 00002000 n 0000 no bar")]
    [InlineData("00001740 05 n 09 a 0 001 @ 00002000 n 0000 | short")]
    [InlineData("00001740 05 n zz a 0 000 | not a number")]
    public void A_broken_line_of_WordNet_is_named(string line)
    {
        var fault = Assert.Throws<GraftException>(() => WordNet.Read("data.noun", 'n', Encoding.UTF8.GetBytes("  licence\n" + line)).ToList());

        Assert.Contains("Line 2 of WordNet's data.noun", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(computer science) a thing", "a thing")]
    [InlineData("(law) (old) a thing (sort of)", "a thing (sort of)")]
    [InlineData("a (rare) thing", "a (rare) thing")]
    public void Opening_parentheses_are_taken_off(string definition, string expected) => Assert.Equal(expected, WordNet.WithoutLeadingParentheses(definition));

    [Fact]
    public void A_definition_under_two_labels_is_dropped_and_a_repeated_one_kept_once()
    {
        SuiteRow[] rows = [new("1", "a", null, "x"), new("2", "a", null, "y"), new("3", "b", null, "x"), new("4", "b", null, "x"), new("5", "", null, "x")];

        Assert.Equal([rows[2]], StarterWordNet.WithoutDuplicates(rows));
    }

    [Fact]
    public void Questions_with_exactly_one_of_the_commonest_tags_are_kept()
    {
        string[] lines = ["__label__a __label__b both of them", "__label__a __label__z only a", "__label__b only b", "__label__z neither", "__label__a", "__label__b again b"];

        var (labels, rows) = StarterCooking.Rows(lines, topics: 2);

        Assert.Equal(["a", "b"], labels);
        Assert.Equal([("only a", "a"), ("only b", "b"), ("again b", "b")], rows.Select(row => (row.Text, row.Label)));
    }

    [Fact]
    public void A_sentence_without_a_class_is_skipped_and_another_shape_is_refused()
    {
        var rows = StarterSentiment.Rows("imdb", """[{"text":" Good. ","class":1},{"text":"","class":null},{"text":"Bad.","class":0}]"""u8.ToArray());

        Assert.Equal([("Good.", "positive"), ("Bad.", "negative")], rows.Select(row => (row.Text, row.Label)));
        Assert.All((string[])["{}", "[{\"text\":\"x\"}]", "[{\"text\":\"x\",\"class\":2}]", "[", "[{\"text\":1,\"class\":1}]"], json =>
            Assert.Throws<GraftException>(() => StarterSentiment.Rows("imdb", Encoding.UTF8.GetBytes(json))));
    }
}
