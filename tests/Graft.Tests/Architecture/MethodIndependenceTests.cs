using System.Text.RegularExpressions;
using Graft.Methods.Core;
using Xunit;

namespace Graft.Tests.Architecture;

public sealed class MethodIndependenceTests
{
    [Fact]
    public void No_file_outside_the_methods_names_a_concrete_method()
    {
        string[] types = [.. PeftMethods.All.SelectMany(method => new[] { method.GetType(), method.Defaults.GetType() }).Select(type => type.Name)];
        var named = new Regex($@"\b({string.Join('|', types)})\b", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5));

        IEnumerable<string> offences = Sources.CSharp("src")
            .Where(file => !file.Path.StartsWith("Graft/Methods/", StringComparison.Ordinal))
            .SelectMany(file => Code(file.Text).Select(line => named.Match(line)).Where(match => match.Success).Select(match => $"{file.Path}: {match.Value}"));

        Assert.NotEmpty(types);
        Assert.Empty(offences);
    }

    [Fact]
    public void No_method_knows_an_architecture()
    {
        string[] architectures = [.. Sources.CSharp("src/Graft/Backbones").Where(file => file.Text.Contains(": Backbone", StringComparison.Ordinal)).Select(file => Path.GetFileNameWithoutExtension(file.Path))];
        var named = new Regex($@"\b({string.Join('|', architectures)})\b", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5));

        IEnumerable<string> offences = Sources.CSharp("src/Graft/Methods")
            .SelectMany(file => Code(file.Text).Select(line => named.Match(line)).Where(match => match.Success).Select(match => $"{file.Path}: {match.Value}"));

        Assert.NotEmpty(architectures);
        Assert.Empty(offences);
    }

    private static IEnumerable<string> Code(string text) => text.Split('\n').Select(line => line.Split("//")[0]);
}
