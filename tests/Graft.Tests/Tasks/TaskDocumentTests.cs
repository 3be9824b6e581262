using System.Text.RegularExpressions;
using Graft.Tasks;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Tasks;

public sealed partial class TaskDocumentTests
{
    private static string Page => File.ReadAllText(SharedData.Repository("docs/tasks.md"));

    [Fact]
    public void Every_task_file_on_the_page_is_valid()
    {
        var blocks = Blocks("json").ToList();

        Assert.Equal(4, blocks.Count);
        Assert.Equal(["tickets", "likeness", "tags", "reviews"], blocks.Select(block => TaskFile.Describe(StrictJson.Parse(block, "docs/tasks.md"), "docs/tasks.md").Name));
    }

    [Fact]
    public void The_first_example_on_the_page_works_as_it_stands()
    {
        using var files = new TaskFolder();
        var data = files.With("tickets.csv", Blocks("csv").Single() + "one more,bug\n").Load(Blocks("json").First());

        Assert.Equal(["billing", "bug"], data.Task.Labels);
        Assert.Contains(data.Train.Concat(data.Dev), row => row.Text == "My card was charged twice,\nplease help");
    }

    [Fact]
    public void Every_key_and_every_built_in_task_has_a_row_on_the_page()
    {
        var page = Page;
        string[] keys = ["name", "description", "kind", "format", "header", "quote", "delimiter", "ragged", "text", "textPair", "label", "labelSeparator", "labels", "metrics", "files"];

        Assert.All(keys, key => Assert.Contains($"| `{key}` |", page, StringComparison.Ordinal));
        Assert.All(PublishedTask.All, task => Assert.Matches(
            $@"\| `{task.Name}` \| \S+ \| .* \| {string.Join(", ", task.Descriptions[0].MetricNames)} \|", page));
    }

    private static IEnumerable<string> Blocks(string language) =>
        Fence().Matches(Page).Where(match => match.Groups["language"].Value == language).Select(match => match.Groups["text"].Value);

    [GeneratedRegex(@"^```(?<language>\w+)\n(?<text>.*?)^```", RegexOptions.ExplicitCapture | RegexOptions.Multiline | RegexOptions.Singleline, 5000)]
    private static partial Regex Fence();
}
