using Xunit;

namespace Graft.Tests.Architecture;

public sealed class FileBudgetTests
{
    private const int Lines = 400;

    [Fact]
    public void No_source_file_is_longer_than_its_budget()
    {
        IEnumerable<string> offences = Sources.CSharp("src")
            .Select(file => (file.Path, Count: file.Text.AsSpan().Count('\n')))
            .Where(file => file.Count > Lines)
            .Select(file => $"{file.Path}: {file.Count} lines, the budget is {Lines}");

        Assert.Empty(offences);
    }

    [Fact]
    public void No_file_has_a_name_that_says_nothing()
    {
        string[] empty = ["Utils", "Util", "Helper", "Helpers", "Manager", "Impl", "Misc", "Common"];
        IEnumerable<string> offences = Sources.CSharp("src")
            .Select(file => file.Path)
            .Where(path => Array.Exists(empty, word => Path.GetFileNameWithoutExtension(path).EndsWith(word, StringComparison.Ordinal)));

        Assert.Empty(offences);
    }
}
