using Graft.Tasks;
using Graft.Tasks.TextToText;
using Xunit;

namespace Graft.Tests.Tasks;

/// <summary>How each built-in task is written for a model that writes its answers, from rows as its files have them.</summary>
public sealed class PublishedTextTests
{
    [Fact]
    public void Every_built_in_task_has_a_prefix_a_name_for_each_text_and_targets()
    {
        Assert.All(PublishedTask.All.Where(task => task.Descriptions[0].Kind != TaskKind.Span), task => Assert.All(task.Descriptions, shape =>
        {
            var format = TextFormat.Of(Definition(shape));

            Assert.NotEmpty(format.Prefix);
            Assert.Equal(shape.IsPair ? 2 : 1, format.Fields.Count);
            Assert.Equal(shape.Labels?.Count ?? 0, format.Targets.Count);

            // Whatever the shape of its files, a task is written in one way.
            var first = TextFormat.Of(Definition(task.Descriptions[0]));
            Assert.Equal((first.Prefix, string.Join('|', first.Fields), string.Join('|', first.Targets)), (format.Prefix, string.Join('|', format.Fields), string.Join('|', format.Targets)));
        }));
    }

    [Theory]
    [InlineData("copa", "superglue-copa premise: It fell. What was the cause of this? choice: Wind.", "0")]
    [InlineData("multirc", "superglue-multirc question: Who ran? answer: Ann paragraph: Ann ran. Bob sat.", "1")]
    [InlineData("wic", "superglue-wic sentence1: Room and board. sentence2: He nailed boards. word: board", "0")]
    [InlineData("wsc", "superglue-wsc.fixed text: * Mark * told Pete that # he # left", "1")]
    [InlineData("boolq", "superglue-boolq question: is it passage: It is.", "1")]
    [InlineData("cb", "superglue-cb premise: a hypothesis: b", "2")]
    [InlineData("superglue-rte", "superglue-rte premise: a hypothesis: b", "1")]
    public void Super_glue_is_written_as_its_authors_write_it(string name, string source, string target)
    {
        using var files = new TaskFolder();
        var row = name switch
        {
            "copa" => """{"premise": "It fell.", "choice1": "Wind.", "choice2": "Sun.", "question": "cause", "label": 1}""",
            "multirc" => """{"passage": {"text": "Ann ran.<br>Bob sat.", "questions": [{"question": "Who ran?", "answers": [{"text": "Ann", "label": 1}, {"text": "Bob", "label": 0}]}]}}""",
            "wic" => """{"word": "board", "sentence1": "Room and board.", "sentence2": "He nailed boards.", "label": false}""" + "\n" + """{"word": "w", "sentence1": "a", "sentence2": "b", "label": true}""",
            "wsc" => """{"text": "Mark told Pete that he left", "target": {"span1_text": "Mark", "span1_index": 0, "span2_text": "he", "span2_index": 4}, "label": true}""" + "\n"
                + """{"text": "Mark told Pete that he left", "target": {"span1_text": "Pete", "span1_index": 2, "span2_text": "he", "span2_index": 4}, "label": false}""",
            "boolq" => """{"question": "is it", "passage": "It is.", "label": true}""" + "\n" + """{"question": "is it", "passage": "No.", "label": false}""",
            "cb" => """{"premise": "a", "hypothesis": "b", "label": "neutral"}""" + "\n" + """{"premise": "a", "hypothesis": "b", "label": "entailment"}""",
            _ => """{"premise": "a", "hypothesis": "b", "label": "not_entailment"}""" + "\n" + """{"premise": "a", "hypothesis": "b", "label": "entailment"}""",
        };
        var folder = PublishedTask.Find(name)!.Folders[0];
        var data = new TaskCatalog([files.With($"{folder}/train.jsonl", row).With($"{folder}/val.jsonl", row).Folder]).Load(name);
        var (first, format) = (data.Train[0], TextFormat.Of(data.Task));

        Assert.Equal(source, format.Source(first.Pair is { } pair ? [first.Text, pair] : [first.Text]));
        Assert.Equal(target, format.Target(first));
    }

    private static TaskDefinition Definition(TaskDescription shape) =>
        new(shape.Name, shape.Kind, shape.Labels ?? [], shape.MetricNames, shape.IsPair) { Text = shape.TextToText, IsGrouped = shape.IsGrouped };
}
