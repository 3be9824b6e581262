using Graft.Text.Patterns;

namespace Graft.Text.Reading;

/// <summary>Reads a pattern, <c>{"String": "..."}</c> or <c>{"Regex": "..."}</c>.</summary>
internal static class PatternReader
{
    public static Pattern Read(JsonField field)
    {
        if (field.Find("String") is { } literal)
        {
            return new LiteralPattern(literal.Text());
        }

        if (field.Find("Regex") is not { } regex)
        {
            throw field.Fault("{\"String\": ...} or {\"Regex\": ...}");
        }

        return RegexParser.Compile(regex.Text(), out var fault) is { } program
            ? new RegexPattern(program)
            : throw regex.Fault($"a regular expression without {fault}");
    }
}
