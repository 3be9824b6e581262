using Graft.Recipes;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>Tasks whose rows belong together, with both kinds of heads: trained, judged by questions, stored and judged again.</summary>
public sealed class GroupedTrainTests
{
    [Theory]
    [InlineData(false, HeadKind.Pooled)]
    [InlineData(true, HeadKind.Pooled)]
    [InlineData(true, HeadKind.Text)]
    public void A_question_is_answered_by_its_likeliest_row_whatever_the_head(bool t5, HeadKind head)
    {
        using var tiny = new TinyModelFolder(t5: t5);
        var task = WriteTask(tiny);
        var trained = Train.Run(new TrainSettings
        {
            Backbone = tiny.Model, Tasks = [task], Method = "lora", Head = head, Out = Path.Combine(tiny.Root, "out"), Steps = 4, Evaluations = 1,
        }).Tasks[0];

        // Two rows a question, of which one is right: the likeliest is right as often as the other is wrong, so that shares are fifths.
        Assert.Equal(["group_accuracy", "group_exact", "group_f1", "accuracy"], trained.Dev.Keys);
        Assert.All(trained.Dev.Values, value => Assert.InRange(value, 0, 1));
        Assert.Equal(0, trained.Dev["group_accuracy"] * 5 % 1, 1e-9);
        Assert.Equal(trained.Dev["group_accuracy"], trained.Dev["group_f1"], 1e-12);
        Assert.True(trained.Dev["group_exact"] <= trained.Dev["group_accuracy"]);
        Assert.Equal(trained.Dev, Evaluate.Run(new EvaluateSettings { Package = trained.Package, Backbone = tiny.Model, Task = task }).Dev);
    }

    private static string WriteTask(TinyModelFolder tiny)
    {
        foreach (var (split, questions) in new[] { ("train", 12), ("dev", 5) })
        {
            File.WriteAllLines(Path.Combine(tiny.Root, $"choice.{split}.tsv"), Enumerable.Range(0, questions)
                .SelectMany(q => Enumerable.Range(0, 2).Select(i => $"{TinyModelFolder.Words[q % 9]}\t{TinyModelFolder.Words[(q + i) % 9]}\t{(i == q % 2 ? "yes" : "no")}\tq{q}"))
                .Prepend("text\tchoice\tlabel\tquestion"));
        }

        var path = Path.Combine(tiny.Root, "choice.task.json");
        File.WriteAllText(path, """
            {
              "name": "choice", "kind": "classification", "text": "text", "textPair": "choice", "label": "label", "labels": ["no", "yes"], "group": "question", "answer": "choice",
              "metrics": ["group_accuracy", "group_exact", "group_f1", "accuracy"], "files": { "train": "choice.train.tsv", "dev": "choice.dev.tsv" }
            }
            """);
        return path;
    }
}
