using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Graft.Tests.Text;

public sealed class TokenizerPropertyTests
{
    private static readonly Arbitrary<string> s_text = Gen.Choose(0, 40).SelectMany(n => Gen.Choose(1, 9).SelectMany(kind => Unit(kind)).ArrayOf(n))
        .Select(units => new string(units)).ToArbitrary();

    [Theory]
    [InlineData("minilm")]
    [InlineData("roberta")]
    [InlineData("t5")]
    public void Offsets_lie_in_the_text_and_rise(string name)
    {
        var tokenizer = TestTokenizers.Load(name);
        Prop.ForAll(s_text, text =>
        {
            var encoding = tokenizer.Encode(text, addSpecialTokens: false);
            var last = 0;
            foreach (var (start, end) in encoding.Offsets)
            {
                if (start < last || end < start || end > text.Length)
                {
                    return false;
                }

                last = start;
            }

            return true;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Byte_level_decoding_gives_the_text_back()
    {
        var tokenizer = TestTokenizers.Load("roberta");
        Prop.ForAll(s_text, text =>
        {
            var whole = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text));

            return tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: false).Ids) == whole;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("minilm")]
    [InlineData("roberta")]
    [InlineData("t5")]
    public void A_maximal_length_holds_and_what_it_drops_is_counted(string name)
    {
        var tokenizer = TestTokenizers.Load(name);
        Prop.ForAll(s_text, s_text, Gen.Choose(4, 30).ToArbitrary(), (first, second, most) =>
        {
            var whole = tokenizer.Encode(first, second);
            var cut = tokenizer.Encode(first, second, most);

            return cut.Length == Math.Min(whole.Length, most) && cut.TruncatedTokens == whole.Length - cut.Length && whole.TruncatedTokens == 0;
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("minilm")]
    [InlineData("roberta")]
    [InlineData("t5")]
    public void Encoding_twice_gives_the_same(string name)
    {
        var tokenizer = TestTokenizers.Load(name);
        Prop.ForAll(s_text, text =>
        {
            var (first, second) = (tokenizer.Encode(text), tokenizer.Encode(text));

            return first.Ids.SequenceEqual(second.Ids) && first.Offsets.SequenceEqual(second.Offsets) && first.Tokens.SequenceEqual(second.Tokens);
        }).QuickCheckThrowOnFailure();
    }

    private static Gen<char> Unit(int kind) => kind switch
    {
        <= 4 => Gen.Choose(' ', '~').Select(c => (char)c),
        5 => Gen.Elements(' ', '\t', '\n', '\u00A0', '\u3000'),
        6 => Gen.Choose(0xC0, 0x36F).Select(c => (char)c),
        7 => Gen.Choose(0x3040, 0x9FFF).Select(c => (char)c),
        8 => Gen.Choose(0xD800, 0xDFFF).Select(c => (char)c),
        _ => Gen.Choose(0, 0xFFFF).Select(c => (char)c),
    };
}
