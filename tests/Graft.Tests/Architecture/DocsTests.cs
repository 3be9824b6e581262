using System.Text.RegularExpressions;
using Xunit;

namespace Graft.Tests.Architecture;

public sealed partial class DocsTests
{
    [Fact]
    public void Every_link_to_a_file_of_the_repository_leads_somewhere()
    {
        List<string> offences = [];
        foreach (string page in Pages())
        {
            foreach (Match link in Link().Matches(File.ReadAllText(page)))
            {
                string target = link.Groups["target"].Value;
                string path = Path.Combine(Path.GetDirectoryName(page)!, target.Split('#')[0]);
                if (!target.Contains("://", StringComparison.Ordinal) && !target.StartsWith('#') && !Path.Exists(path))
                {
                    offences.Add($"{Path.GetRelativePath(Sources.Root, page)}: {target}");
                }
            }
        }

        Assert.Empty(offences);
    }

    private static IEnumerable<string> Pages() =>
        Directory.EnumerateFiles(Sources.Root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(Sources.Root, "docs"), "*.md", SearchOption.AllDirectories));

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Link();
}
