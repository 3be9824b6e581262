using Xunit;

namespace Graft.Cli.Tests;

public sealed class NearestNameTests
{
    [Theory]
    [InlineData("trian", "train")]
    [InlineData("eval", "eval")]
    [InlineData("--learning-rat", "--learning-rate")]
    [InlineData("pred", "predict")]
    [InlineData("LORA", "lora")]
    public void A_slip_finds_its_name(string word, string expected)
    {
        Assert.Equal(expected, NearestName.Of(word, ["predict", "train", "eval", "lora", "--learning-rate"]));
    }

    [Theory]
    [InlineData("qqqqq")]
    [InlineData("x")]
    public void A_word_far_from_all_finds_none(string word)
    {
        Assert.Null(NearestName.Of(word, ["predict", "train", "eval", "lora"]));
    }
}
