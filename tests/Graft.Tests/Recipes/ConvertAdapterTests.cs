using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Tests.Formats.Foreign;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class ConvertAdapterTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly TinyModelFolder _model = new(dropout: 0);

    [Fact]
    public void A_package_answers_the_same_after_a_way_through_peft()
    {
        Package("a");

        var there = Run("a", "b", "peft");
        var back = Run("b", "c", "graft");

        Assert.Equal(("graft", "peft", "lora"), (there.From, there.To, there.Method));
        Assert.Equal(8 + 4, there.Keys.Count);
        Assert.Empty(there.UnknownFields);
        Assert.Equal("mood", back.Name);
        ForeignPackages.AssertSame(_folder.At("a"), _folder.At("c"));
        using var first = GraftModel.Load(_folder.At("a"), _model.Model);
        using var second = GraftModel.Load(_folder.At("c"), _model.Model);
        Assert.Equal(first.Predict("aa bb cc").ToString(), second.Predict("aa bb cc").ToString());
    }

    [Fact]
    public void A_package_that_reads_the_pretrained_pooler_answers_the_same_after_a_way_through_peft()
    {
        _model.AddPooler();
        var trained = Train.Run(new TrainSettings
        {
            Backbone = _model.Model, Tasks = [_model.WriteTask()], HeadPooling = Pooling.Pooler, Steps = 1, Out = _folder.At("out"),
        }).Tasks[0].Package;

        var report = ConvertAdapter.Run(new ConvertSettings(trained, _folder.At("p"), "peft") { Backbone = _model.Model });

        Assert.Contains("SEQ_CLS", File.ReadAllText(_folder.At("p", "adapter_config.json")), StringComparison.Ordinal);
        Assert.Equal(3, report.Labels.Count);
        var back = Run("p", "back", "graft");
        Assert.Equal(report.Labels, back.Labels);
        using var first = GraftModel.Load(trained, _model.Model);
        using var second = GraftModel.Load(_folder.At("back"), _model.Model);
        Assert.Equal(first.Predict("aa bb cc").ToString(), second.Predict("aa bb cc").ToString());
    }

    [Fact]
    public void A_foreign_head_gets_the_labels_that_are_given()
    {
        _model.AddPooler();
        ForeignPackages.WritePeft(
            _folder.At("p"), """{"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["query", "value"], "task_type": "SEQ_CLS", "base_model_name_or_path": "acme/other", "new_in_2030": 1}""",
            [.. ForeignPackages.LoraKeys(2, prefix: "bert."), ("base_model.model.classifier.weight", [2, 16]), ("base_model.model.classifier.bias", [2])]);

        var report = ConvertAdapter.Run(new ConvertSettings(_folder.At("p"), _folder.At("g"), "graft") { Backbone = _model.Model, Labels = ["bad", "good"], Name = "mine" });
        var back = Run("g", "q", "peft");

        Assert.Equal(["bad", "good"], report.Labels);
        Assert.Equal(["new_in_2030"], report.UnknownFields);
        var manifest = AdapterPackage.Open(_folder.At("g")).Manifest;
        Assert.Equal(("mine", "model"), (manifest.Task.Name, manifest.Backbone.Source));
        Assert.Equal(["new_in_2030"], back.UnknownFields);
        Assert.Contains("\"new_in_2030\": 1", File.ReadAllText(_folder.At("q", "adapter_config.json")), StringComparison.Ordinal);
        Assert.Contains(
            "expected 2", Assert.Throws<GraftException>(() => ConvertAdapter.Run(
                new ConvertSettings(_folder.At("p"), _folder.At("h"), "graft") { Backbone = _model.Model, Labels = ["one"] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_without_a_head_is_no_package()
    {
        ForeignPackages.WritePeft(_folder.At("p"), """{"peft_type": "LORA", "r": 2, "target_modules": ["query", "value"]}""", [.. ForeignPackages.LoraKeys(2)]);

        var fault = Assert.Throws<GraftException>(() => Run("p", "g", "graft"));

        Assert.Contains("has no head", fault.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("g")));
    }

    [Fact]
    public void What_is_there_is_replaced_only_when_asked_and_only_adapters()
    {
        Package("a");
        Run("a", "b", "peft");

        Assert.Contains("--overwrite", Assert.Throws<GraftException>(() => Run("a", "b", "peft")).Message, StringComparison.Ordinal);
        Run("a", "b", "peft", overwrite: true);
        _folder.Write("b/thesis.tex", "x");
        Assert.Contains("thesis.tex", Assert.Throws<GraftException>(() => Run("a", "b", "peft", overwrite: true)).Message, StringComparison.Ordinal);
        Assert.Contains("another folder", Assert.Throws<GraftException>(() => Run("a", "a", "graft", overwrite: true)).Message, StringComparison.Ordinal);
        Assert.Contains("peft", Assert.Throws<GraftException>(() => Run("a", "c", "pefd")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_backbone_that_is_not_here_is_named()
    {
        Package("a");

        var fault = Assert.Throws<GraftException>(() => ConvertAdapter.Run(new ConvertSettings(_folder.At("a"), _folder.At("b"), "peft")));

        Assert.Contains("hf:acme/tiny@v1", fault.Message, StringComparison.Ordinal);
        Assert.Contains("--backbone", fault.Message, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _folder.Dispose();
        _model.Dispose();
    }

    private ConvertReport Run(string from, string to, string format, bool overwrite = false) => ConvertAdapter.Run(
        new ConvertSettings(_folder.At(from), _folder.At(to), format) { Backbone = _model.Model, Overwrite = overwrite });

    private void Package(string name)
    {
        using var backbone = Backbone.Load(_model.Model);
        ForeignPackages.Save(_folder.At(name), backbone, "lora", head: new PooledHeadConfig(TaskKind.Classification, 3, Pooling.First, Layers: 2));
    }
}
