using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Architecture;

public sealed class MethodsDocsTests
{
    [Fact]
    public void Each_method_has_one_row_with_its_settings_and_source()
    {
        var rows = Rows("docs/methods.md");
        var methods = PeftMethods.All.Where(m => !m.Name.StartsWith("test-", StringComparison.Ordinal)).ToList();

        Assert.Equal(methods.Select(m => $"`{m.Name}`"), rows.Select(r => r[0]));
        foreach (var (method, row) in methods.Zip(rows))
        {
            var settings = method.WriteConfig(method.Defaults).Select(p => $"`{p.Key}` ({Shown(p.Value!)})");
            Assert.Equal(settings.DefaultIfEmpty("none"), row[1].Split(", `").Select((c, i) => i == 0 ? c : "`" + c));
            Assert.Equal(method.IsIdentityAtStart(method.Defaults), row[4].StartsWith("yes", StringComparison.Ordinal));
            Assert.Equal(method.Source, row[6]);
        }
    }

    /// <summary>A value as the table shows it; lists of objects, such as the parts of a union, are too long for it.</summary>
    private static string Shown(JsonNode value) => value switch
    {
        JsonArray list when list.Any(e => e is JsonObject) => "[...]",
        JsonValue text when text.TryGetValue<string>(out var plain) => plain,
        _ => value.ToJsonString(),
    };

    [Fact]
    public void Each_architecture_has_one_row() =>
        Assert.Equal(Architectures.Names.Select(n => $"`{n}`"), Rows("docs/backbones.md").Select(r => r[0]));

    /// <summary>The cells of the first table of a page, without its head.</summary>
    private static List<string[]> Rows(string page) =>
        [.. File.ReadLines(SharedData.Repository(page))
            .SkipWhile(l => !l.StartsWith("|---", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(l => l.StartsWith('|'))
            .Select(l => l.Trim('|', ' ').Split(" | ").Select(c => c.Trim()).ToArray())];
}
