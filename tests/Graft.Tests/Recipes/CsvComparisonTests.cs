using System.Text;
using Graft.Evaluation.Comparisons;
using Graft.Recipes;
using Graft.Tasks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class CsvComparisonTests
{
    private static string Csv(int rows, Func<int, string> label, Func<int, string>? text = null)
    {
        var csv = new StringBuilder("id,message,queue\n");
        for (var i = 0; i < rows; i++)
        {
            csv.Append($"{i},\"{text?.Invoke(i) ?? $"text, number {i}"}\",{label(i)}\n");
        }

        return csv.ToString();
    }

    private static CsvSettings Settings(string file, string folder) => new() { File = file, Text = "message", Label = "queue", Folder = folder };

    private static string Refused(TestFolder folder, string csv, Func<CsvSettings, CsvSettings>? change = null)
    {
        var settings = Settings(folder.Write("tickets.csv", csv), folder.At("out"));
        var error = Assert.Throws<GraftException>(() => CsvComparison.Prepare(change?.Invoke(settings) ?? settings));
        Assert.False(Directory.Exists(folder.At("out")), "nothing is written before the rows are checked");
        return error.Message;
    }

    [Fact]
    public void A_file_becomes_splits_a_task_and_a_plan()
    {
        using var folder = new TestFolder();
        var file = folder.Write("My tickets.csv", Csv(300, i => i % 3 == 0 ? "billing" : " bug "));

        var made = CsvComparison.Prepare(Settings(file, folder.At("out")));
        var task = TaskFile.Load(made.TaskFile);

        Assert.Equal((180, 60, 60), (task.Train.Count, task.Dev.Count, task.Test!.Count));
        Assert.Equal((180, 60, 60), (made.Train, made.Dev, made.Test));
        Assert.Equal((TaskKind.Classification, "My-tickets"), (made.Kind, task.Task.Name));
        Assert.Equal(["billing", "bug"], task.Task.Labels);
        Assert.All(task.Train, r => Assert.StartsWith("text, number ", r.Text, StringComparison.Ordinal));
        Assert.Equal([20, 20], [task.Test.Count(r => r.Label == 0), task.Dev.Count(r => r.Label == 0)]);
        Assert.Equal(90, made.Plan.Steps);
        Assert.Equal([null], made.Plan.Sizes);
        Assert.Equal(["Test has 60 rows: one of them is 1.7 points of accuracy, so small differences mean little."], made.Notes);
    }

    [Fact]
    public void The_plan_is_one_that_can_be_read_and_the_same_file_gives_the_same_bytes()
    {
        using var folder = new TestFolder();
        var settings = Settings(folder.Write("tickets.csv", Csv(1000, i => $"{i % 4}")), folder.At("out"));
        var first = CsvComparison.Prepare(settings);
        var files = Directory.GetFiles(folder.At("out", "data")).ToDictionary(f => f, File.ReadAllBytes);

        var second = CsvComparison.Prepare(settings);
        second.Plan.Save(folder.At("plan.json"));

        Assert.Equal([300, null], ComparisonPlan.Load(folder.At("plan.json")).Sizes);
        Assert.Equal(first.Plan.ToJson().ToJsonString(), ComparisonPlan.Load(folder.At("plan.json")).ToJson().ToJsonString());
        Assert.Equal(4, files.Count);
        Assert.All(files, f => Assert.Equal(f.Value, File.ReadAllBytes(f.Key)));
    }

    [Theory]
    [InlineData(300, 5, "", TaskKind.Classification)] // five grades
    [InlineData(2000, 77, "", TaskKind.Classification)] // numbered intents: not a tenth of the rows
    [InlineData(300, 77, "", TaskKind.Regression)]
    [InlineData(2000, 26, ".5", TaskKind.Regression)] // fractions are no classes
    [InlineData(300, 5, ".5", TaskKind.Classification)]
    public void Numbers_with_many_values_are_predicted_as_numbers(int rows, int values, string ending, TaskKind expected)
    {
        using var folder = new TestFolder();

        var made = CsvComparison.Prepare(Settings(folder.Write("t.csv", Csv(rows, i => $"{i % values}{ending}")), folder.At("out")));

        Assert.Equal(expected, made.Kind);
        Assert.Equal(expected, TaskFile.Load(made.TaskFile).Task.Kind);
    }

    [Fact]
    public void The_kind_can_be_given()
    {
        using var folder = new TestFolder();
        var settings = Settings(folder.Write("t.csv", Csv(300, i => $"{i % 77}")), folder.At("out"));

        Assert.Equal(TaskKind.Classification, CsvComparison.Prepare(settings with { Kind = TaskKind.Classification }).Kind);
        Assert.Contains("task file", Assert.Throws<GraftException>(() => CsvComparison.Prepare(settings with { Kind = TaskKind.Multilabel })).Message, StringComparison.Ordinal);
        var words = Settings(folder.Write("t.csv", Csv(40, i => i % 2 == 0 ? "bug" : "1")), folder.At("out")) with { Kind = TaskKind.Regression };
        Assert.Contains("'bug', which is no number", Assert.Throws<GraftException>(() => CsvComparison.Prepare(words)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_odd_about_the_data_is_said()
    {
        using var folder = new TestFolder();
        var file = folder.Write("t.csv", Csv(
            100, i => i == 99 ? "legal" : i % 2 == 0 ? "billing" : "bug", i => i < 4 ? (i < 2 ? "Same text" : "same  TEXT") : i == 50 ? new string('x', 700) : $"text {i}"));

        var notes = CsvComparison.Prepare(Settings(file, folder.At("out"))).Notes;

        Assert.Contains("A label has fewer than 5 rows, too few to learn or to judge: 'legal'.", notes);
        Assert.Contains("4 rows share their text with another; rows of one text are kept on one side of the split, so that test stays honest.", notes);
        Assert.Contains("1 text has different labels in different rows; no method can get all of them right.", notes);
        Assert.Contains("1 text is longer than 600 characters and may lose the end (max_tokens in the plan).", notes);
    }

    [Fact]
    public void What_cannot_be_compared_on_is_refused_in_one_sentence()
    {
        using var folder = new TestFolder();

        Contains("tickets.csv, line 8: the column 'message' is empty", Refused(folder, Csv(40, i => $"{i % 2}", i => i == 6 ? " " : $"t{i}")));
        Contains("line 3: the column 'queue' is empty", Refused(folder, Csv(40, i => i == 1 ? "" : $"{i % 2}")));
        Contains("every row has 'bug'", Refused(folder, Csv(40, _ => "bug")));
        Contains("29 rows are too few", Refused(folder, Csv(29, i => $"{i % 2}")));
        Contains("20 different values in 30 rows, too many to be labels", Refused(folder, Csv(30, i => $"a{i % 20}")));
        Contains("did you mean 'message'?", Refused(folder, Csv(40, i => $"{i % 2}"), s => s with { Text = "mesage" }));
        Contains("both name the column 'queue'", Refused(folder, Csv(40, i => $"{i % 2}"), s => s with { Text = "queue" }));
        Contains("cannot be cut", Refused(folder, Csv(40, i => $"{i % 2}", _ => "same")));
        Contains("no such file", Refused(folder, "", s => s with { File = folder.At("none.csv") }));

        static void Contains(string expected, string actual) => Assert.Contains(expected, actual, StringComparison.Ordinal);
    }
}
