using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;
using Graft.Torch;
using Xunit;

namespace Graft.Tests;

public sealed class StrictJsonTests
{
    private enum Pace
    {
        Slow,
        Quick,
    }

    [Fact]
    public void Values_are_read_with_their_fallbacks()
    {
        var json = StrictJson.Parse("""{"a": "x", "n": 3, "d": 0.5, "f": true, "l": ["p", "q"], "p": "QUICK", "o": {"in": 1}, "z": null}""", "here");

        Assert.Equal(("x", 3, 0.5, true), (json.Text("a"), json.Whole("n", 0), json.Number("d", 0), json.Flag("f", false)));
        Assert.Equal((null, 7, 1.5, true), (json.TextOrNull("z"), json.Whole("z", 7), json.Number("none", 1.5), json.Flag("none", true)));
        Assert.Equal(["p", "q"], json.TextList("l"));
        Assert.Equal(["x"], json.TextList("a"));
        Assert.Null(json.TextList("none"));
        Assert.Equal((Pace.Quick, Pace.Slow), (json.Choice<Pace>("p", null), json.Choice<Pace>("none", Pace.Slow)));
        Assert.Equal(1, json.Nested("o")!.Whole("in", 0));
        Assert.Null(json.Nested("none"));
        Assert.True(json.Has("a"));
        Assert.False(json.Has("z"));
    }

    [Theory]
    [InlineData("n", "r.json, line 2: 'n' is the number 1.5, expected a whole number.")]
    [InlineData("d", "r.json, line 3: 'd' is the string \"1\", expected a number.")]
    [InlineData("f", "r.json, line 4: 'f' is the string \"x\", expected true or false.")]
    [InlineData("l", "r.json, line 6: 'l[1]' is the number 2, expected a string.")]
    [InlineData("o", "r.json, line 7: 'o' is a list, expected an object in braces.")]
    [InlineData("in", "r.json, line 9: unknown key 'rnak' in 'nest.deep'; did you mean 'rank'?")]
    [InlineData("big", "r.json, line 10: 'big' is the number 1e999, expected a number.")]
    public void A_wrong_value_is_named_by_line_and_path(string key, string sentence)
    {
        var json = StrictJson.Parse(
            "{\n\"n\": 1.5,\n\"d\": \"1\",\n\"f\": \"x\",\n\"l\": [\"a\",\n2],\n\"o\": [{\"n\": 1}],\n\"nest\": {\"n\": 0, \"deep\": {\n\"rnak\": 1}},\n\"big\": 1e999}", "r.json");

        var fault = Assert.Throws<GraftException>(() =>
        {
            json.Whole(key == "n" ? "n" : "none", 0);
            json.Number(key is "d" or "big" ? key : "none", 0);
            json.Flag(key == "f" ? "f" : "none", false);
            json.TextList(key == "l" ? "l" : "none");
            json.Nested(key == "o" ? "o" : "none");
            json.Nested("nest")!.Nested("deep")!.Allow("rank", "alpha");
        });

        Assert.Equal(sentence, fault.Message);
    }

    [Fact]
    public void An_object_in_memory_is_checked_without_lines()
    {
        var json = StrictJson.From(new JsonObject { ["rank"] = 8, ["alhpa"] = 16 }, "--set");

        Assert.Equal(8, json.Whole("rank", 0));
        Assert.Equal("--set: unknown key 'alhpa'; did you mean 'alpha'?", Assert.Throws<GraftException>(() => json.Allow("rank", "alpha")).Message);
    }

    [Theory]
    [InlineData("rnak", "rank")]
    [InlineData("RANK", "rank")]
    [InlineData("learning-rate", "learningRate")]
    [InlineData("dropuot", "dropout")]
    [InlineData("sst2", "sst-2")]
    [InlineData("sentiment", "sentiment-imdb")]
    [InlineData("zzzz", null)]
    [InlineData("", null)]
    public void The_nearest_known_name_is_found(string written, string? nearest) =>
        Assert.Equal(nearest, Suggest.Nearest(written, ["alpha", "dropout", "learningRate", "rank", "sentiment-imdb", "sst-2"]));

    [Fact]
    public void A_known_name_with_one_slip_is_nearest_to_itself() => Prop.ForAll(
        Gen.Elements("alpha", "dropout", "learningRate", "rank", "warmup").Zip(Gen.Choose(0, 3)).ToArbitrary(), slip =>
        {
            var (name, at) = slip;
            Assert.Equal(name, Suggest.Nearest(name.Remove(at, 1), ["alpha", "dropout", "learningRate", "rank", "warmup"]));
            Assert.Equal(name, Suggest.Nearest(name.Insert(at, "x"), ["alpha", "dropout", "learningRate", "rank", "warmup"]));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Long_lists_are_cut() => Assert.EndsWith("19 and 5 more", Suggest.List([.. Enumerable.Range(0, 25).Select(one => $"{one}")]), StringComparison.Ordinal);
}
