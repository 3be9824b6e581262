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
    public void On_T5_too_and_its_method_and_backbone_go_without_saying()
    {
        using var t5 = new TinyModelFolder(t5: true);
        TinyT5Folder.WithPlaceholders(t5.Model, 10);
        var refused = Assert.Throws<GraftException>(() => Pretrained("prefix-tuning", "{}", t5.Model));
        Assert.Contains("from one folder", refused.Message, StringComparison.Ordinal);
        var text = Path.Combine(_tiny.Root, "text.txt");
        var model = Pretrain.Run(new PretrainSettings { Config = t5.Model, Tokenizer = t5.Model, Text = [text], Steps = 1, MaxTokens = 24, Out = Path.Combine(_tiny.Root, "t5-whole") }).Folder;
        var adapter = Pretrained("prefix-tuning", """{"length": 2, "bottleneck": 4}""", model).Adapter!;
        var recipe = new JsonObject { ["start"] = adapter, ["backbone"] = model, ["tasks"] = new JsonArray(_tiny.WriteTask()), ["steps"] = 1, ["lr"] = 1e-30, ["weight_decay"] = 0, ["out"] = Path.Combine(_tiny.Root, "on-t5") };

        var settings = TrainSettings.Read(StrictJson.From(recipe, "test"));
        var package = AdapterPackage.Open(Train.Run(settings).Tasks[0].Package);

        Assert.Equal("prefix-tuning", settings.Method);
        AssertSameWeights(adapter, package);
        recipe.Remove("backbone");
        var unknown = Assert.Throws<GraftException>(() => TrainSettings.Read(StrictJson.From(recipe, "test")));
        Assert.Contains("name its folder with --backbone", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Tasks_begin_at_a_task_of_a_package_of_several_and_a_start_that_changed_is_not_gone_on_with()
    {
        var settings = Still("houlsby") with { Share = true, Lr = 1e-2, Steps = 4, Set = new JsonObject { ["reduction_factor"] = 4 }, Out = Path.Combine(_tiny.Root, "shared") };
        var first = Train.Run(settings).Tasks[0].Package;
        Assert.Contains("#", first, StringComparison.Ordinal);

        var begun = Still("houlsby") with { Share = true, Start = first, Overwrite = false };
        Train.Run(begun);

        using var backbone = Backbone.Load(_tiny.Model);
        using var one = AdapterPackage.Open(first).LoadAdapter(backbone);
        using var other = JointPackage.Open(Path.Combine(begun.Out, "joint")).LoadAdapter(backbone);
        Assert.All(one.NamedParameters().Zip(other.NamedParameters()), p => Assert.Equal(p.First.Parameter.Value.ToArray<float>(), p.Second.Parameter.Value.ToArray<float>()));
        Assert.Contains("start (was", Resumed(begun with { Start = null }), StringComparison.Ordinal);
        Train.Run(settings with { Seed = 5 });
        Assert.Contains("adapted (was", Resumed(begun), StringComparison.Ordinal);
        Assert.Contains("lies in", Refused(Still("houlsby") with { Start = first, Out = settings.Out }), StringComparison.Ordinal);

        static string Resumed(TrainSettings settings) => Assert.Throws<GraftException>(() => Train.Run(settings with { Resume = true })).Message;
    }

    [Fact]
    public void A_pretraining_that_replaces_one_takes_its_adapter_away()
    {
        var adapter = Pretrained("houlsby", """{"reduction_factor": 4}""").Adapter!;

        Assert.Null(Pretrained("lora", "{}").Adapter);

        Assert.False(Directory.Exists(adapter));
    }

    [Fact]
    public void Settings_that_are_not_said_are_those_of_the_start()
    {
        var adapter = Pretrained("houlsby", """{"reduction_factor": 4, "activation": "relu"}""").Adapter!;

        var package = AdapterPackage.Open(Train.Run(Still("houlsby") with { Start = adapter, Set = new JsonObject { ["reduction_factor"] = 4 } }).Tasks[0].Package);

        Assert.Equal("relu", (string?)package.Manifest.Config["activation"]);
        AssertSameWeights(adapter, package);
        Assert.Contains("'activation'", Refused(Still("houlsby") with { Start = adapter, Set = new JsonObject { ["activation"] = "gelu" } }), StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_fit_is_told_in_one_sentence()
    {
        var adapter = Pretrained("houlsby", """{"reduction_factor": 4}""").Adapter!;

        Assert.Contains("name the method houlsby", Refused(Still("lora") with { Start = adapter }), StringComparison.Ordinal);
        Assert.Contains("'reduction_factor'", Refused(Still("houlsby") with { Start = adapter, Set = new JsonObject { ["reduction_factor"] = 8 } }), StringComparison.Ordinal);
        Assert.Contains("no package", Refused(Still("houlsby") with { Start = _tiny.Model }), StringComparison.Ordinal);
        var joint = Train.Run(Still("pha") with { Out = Path.Combine(_tiny.Root, "several") }).Tasks[0].Package;
        Assert.Contains("graft adapt", Refused(Still("pha") with { Start = joint }), StringComparison.Ordinal);
    }

    private PretrainReport Pretrained(string method, string set, string? model = null)
    {
        var text = Path.Combine(_tiny.Root, "text.txt");
        File.WriteAllLines(text, Enumerable.Range(0, 80).Select(i => string.Join(' ', Enumerable.Repeat(TinyModelFolder.Words[i % 12], 6 + (i % 7)))));
        return Pretrain.Run(new PretrainSettings
        {
            Backbone = model ?? _tiny.Model, Overwrite = true, Text = [text], Method = method, Set = JsonNode.Parse(set)!.AsObject(), Out = Path.Combine(_tiny.Root, "tapt"), Batch = 8, MicroBatch = 8,
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
