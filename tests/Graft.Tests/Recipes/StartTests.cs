using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>Training that begins at the adapter of a package: of another task, or of a pretraining whose method cannot be folded into weights.</summary>
public sealed class StartTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData("unipelt", """{"length": 2, "prefix_bottleneck": 4, "reduction_factor": 4}""")]
    [InlineData("prefix-tuning", """{"length": 3, "bottleneck": 4}""")]
    [InlineData("prompt-tuning", """{"length": 2}""")]
    [InlineData("houlsby", """{"reduction_factor": 4}""")]
    public void A_pretrained_adapter_that_cannot_be_folded_is_where_a_task_begins(string method, string set)
    {
        var pretrained = Pretrained(method, set);

        Assert.Equal(Path.Combine(_tiny.Root, "tapt", "adapter"), pretrained.Adapter);
        Assert.True(pretrained.LossAfter < pretrained.LossBefore, $"{pretrained.LossBefore} to {pretrained.LossAfter}");
        using var backbone = Backbone.Load(_tiny.Model);
        Assert.Equal(backbone.Fingerprint, pretrained.Fingerprint);
        var unanswered = Assert.Throws<GraftException>(() => TaskModelPackage.Load(pretrained.Adapter!, backbone));
        Assert.Contains("graft train --start", unanswered.Message, StringComparison.Ordinal);
        Assert.Empty(Inspect.Run(pretrained.Adapter!).Faults);

        var package = AdapterPackage.Open(Train.Run(Still(method) with { Start = pretrained.Adapter }).Tasks[0].Package);

        // At a rate at which nothing moves, and without the numbers that only training knew.
        AssertSameWeights(pretrained.Adapter!, package);
        Assert.Equal(pretrained.Adapter, (string?)package.Manifest.Training["adapted"]!["start"]);
        using var adapter = package.LoadAdapter(backbone);
        using var fresh = AdapterPackage.Open(Train.Run(Still(method) with { Set = JsonNode.Parse(set)!.AsObject(), Out = Path.Combine(_tiny.Root, "fresh") }).Tasks[0].Package).LoadAdapter(backbone);
        Assert.Contains(
            adapter.NamedParameters().Zip(fresh.NamedParameters()), p => !p.First.Parameter.Value.ToArray<float>().SequenceEqual(p.Second.Parameter.Value.ToArray<float>()));
    }

    [Fact]
    public void A_task_begins_at_the_adapter_of_another_and_goes_on_with_the_same_bits()
    {
        var first = Train.Run(Still("lora") with { Lr = 1e-2, Steps = 5, Out = Path.Combine(_tiny.Root, "first") }).Tasks[0].Package;

        var still = AdapterPackage.Open(Train.Run(Still("lora") with { Start = first }).Tasks[0].Package);

        AssertSameWeights(first, still);
        var runs = InterruptedRun.Train(
            Still("lora") with { Start = first, Lr = 1e-2, Steps = 6, CheckpointEvery = 1, Overwrite = false, Out = Path.Combine(_tiny.Root, "whole") }, Path.Combine(_tiny.Root, "stopped"));
        Assert.True(InterruptedRun.IsSame(runs, AdapterPackage.AdapterName));
        Assert.True(InterruptedRun.IsSame(runs, AdapterPackage.HeadName));
    }

    [Fact]
    public void What_does_not_fit_is_told_in_one_sentence()
    {
        var adapter = Pretrained("houlsby", """{"reduction_factor": 4}""").Adapter!;

        Assert.Contains("give --method houlsby", Refused(Still("lora") with { Start = adapter }), StringComparison.Ordinal);
        Assert.Contains("'reduction_factor'", Refused(Still("houlsby") with { Start = adapter, Set = new JsonObject { ["reduction_factor"] = 8 } }), StringComparison.Ordinal);
        Assert.Contains("no package", Refused(Still("houlsby") with { Start = _tiny.Model }), StringComparison.Ordinal);
        var joint = Train.Run(Still("pha") with { Out = Path.Combine(_tiny.Root, "several") }).Tasks[0].Package;
        Assert.Contains("graft adapt", Refused(Still("pha") with { Start = joint }), StringComparison.Ordinal);
    }

    private PretrainReport Pretrained(string method, string set)
    {
        var text = Path.Combine(_tiny.Root, "text.txt");
        File.WriteAllLines(text, Enumerable.Range(0, 80).Select(i => string.Join(' ', Enumerable.Repeat(TinyModelFolder.Words[i % 12], 6 + (i % 7)))));
        return Pretrain.Run(new PretrainSettings
        {
            Backbone = _tiny.Model, Text = [text], Method = method, Set = JsonNode.Parse(set)!.AsObject(), Out = Path.Combine(_tiny.Root, "tapt"), Batch = 8, MicroBatch = 8,
            MaxTokens = 24, DevItems = 20, Evaluations = 1, Steps = 12, Lr = 1e-2,
        });
    }

    private static void AssertSameWeights(string start, AdapterPackage package)
    {
        using var expected = SafetensorsFile.Open(AdapterPackage.Open(start).AdapterPath);
        using var actual = SafetensorsFile.Open(package.AdapterPath);
        Assert.NotEmpty(expected.Keys);
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected.Keys, key => Assert.True(expected.Bytes(key).SequenceEqual(actual.Bytes(key)), key));
    }

    private static string Refused(TrainSettings settings) => Assert.Throws<GraftException>(() => Train.Run(settings with { Overwrite = true })).Message;

    private TrainSettings Still(string method) => new()
    {
        Backbone = _tiny.Model, Tasks = [_tiny.WriteTask()], Method = method, Steps = 1, Lr = 1e-30, WeightDecay = 0, Batch = 4, CheckpointEvery = 0, Out = Path.Combine(_tiny.Root, "task"), Overwrite = true,
    };
}
