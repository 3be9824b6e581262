using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class MergeTests : IDisposable
{
    private const string Text = "a b c d";
    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData("lora")]
    [InlineData("full")]
    [InlineData("ia3")]
    [InlineData("head")]
    public void The_merged_folder_predicts_what_the_package_predicts(string method)
    {
        var (package, folder) = (Package(method, Pooling.Mean, 1), Path.Combine(_tiny.Root, "merged"));

        var report = Merge.Run(package, folder, _tiny.Model);

        Assert.False(report.HeadInModel);
        Assert.Equal("BertModel", report.Architecture);
        Assert.True(report.MaxRelativeDifference < 1e-5, $"{report.MaxRelativeDifference}");
        using var before = GraftModel.Load(package, _tiny.Model);
        using var after = GraftModel.Load(report.HeadPackage, folder);
        Assert.NotEqual(before.Backbone.Fingerprint, method == "head" ? "" : after.Backbone.Fingerprint);
        var (expected, actual) = (before.Predict(Text), after.Predict(Text));
        Assert.Equal(expected.Label, actual.Label);
        Assert.All(expected.Outputs.Zip(actual.Outputs), p => Assert.Equal(p.First, p.Second, 1e-5f));
    }

    [Fact]
    public void A_two_layer_head_on_the_first_token_becomes_the_classifier_of_its_class()
    {
        var (package, folder) = (Package("lora", Pooling.First, 2), Path.Combine(_tiny.Root, "merged"));

        var report = Merge.Run(package, folder, _tiny.Model);

        Assert.True(report.HeadInModel);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        Assert.Equal("BertForSequenceClassification", config["architectures"]![0]!.GetValue<string>());
        Assert.Equal(report.Labels, config["id2label"]!.AsObject().Select(l => l.Value!.GetValue<string>()));
        using var scope = new TensorScope();
        using var weights = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        Assert.Equal("pt", weights.Metadata["format"]);
        Assert.All(weights.Keys, k => Assert.True(k.StartsWith("bert.", StringComparison.Ordinal) || k.StartsWith("classifier.", StringComparison.Ordinal), k));

        // As that class computes it: the pooler of the first token, then the classifier.
        using var plain = Backbone.Load(folder, new BackboneOptions(Pooler: true));
        using var adapted = GraftModel.Load(package, _tiny.Model);
        using var ids = Tensor.From(new long[] { 2, 7, 9, 5 }, 1, 4);
        var pooled = plain.Forward(new BackboneInput(ids)).Pooled!;
        var logits = F.Linear(pooled, weights.Load("classifier.weight"), weights.Load("classifier.bias"));
        TensorAssert.Close(adapted.Models[0].Forward(new BackboneInput(ids)).Logits, logits);
    }

    [Fact]
    public void What_cannot_be_merged_or_would_change_answers_leaves_nothing()
    {
        var folder = Path.Combine(_tiny.Root, "merged");
        var method = Assert.Throws<GraftException>(() => Merge.Run(Package("pfeiffer", Pooling.Mean, 1), folder, _tiny.Model));
        Assert.Contains("cannot be merged", method.Message, StringComparison.Ordinal);

        var exact = Assert.Throws<GraftException>(() => Merge.Run(Package("lora", Pooling.Mean, 1), folder, _tiny.Model, tolerance: 0));
        Assert.Contains("would change answers", exact.Message, StringComparison.Ordinal);

        var broken = Package("lora", Pooling.Mean, 1, brokenBy: double.NaN);
        var notFinite = Assert.Throws<GraftException>(() => Merge.Run(broken, folder, _tiny.Model));
        Assert.Contains("not finite", notFinite.Message, StringComparison.Ordinal);

        Assert.False(Directory.Exists(folder));
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "mine.txt"), "mine");
        Assert.Contains("holds something", Assert.Throws<GraftException>(() => Merge.Run(broken, folder, _tiny.Model)).Message, StringComparison.Ordinal);
    }

    // A package whose adapter has moved away from its start.
    private string Package(string name, Pooling pooling, int layers, double brokenBy = 0)
    {
        var folder = Path.Combine(_tiny.Root, $"package-{name}-{pooling}-{brokenBy}");
        using var scope = new TensorScope();
        using var backbone = Backbone.Load(_tiny.Model);
        using var rng = new Rng(3);
        var method = PeftMethods.Get(name);
        var task = new TaskDefinition("letters", TaskKind.Classification, ["ham", "spam", "eggs"], ["accuracy"], false);
        using var model = new TaskModel(
            task, backbone, method.Attach(backbone, "letters", method.Defaults, rng),
            new PooledHead(new PooledHeadConfig(TaskKind.Classification, 3, pooling, Layers: layers), backbone.Config.HiddenSize, rng), 30);
        using (Autograd.NoGrad())
        {
            foreach (var (_, parameter) in model.Parameters())
            {
                parameter.Value.Add_(rng.Normal(parameter.Value.Shape.ToArray(), 0, 0.1));
                parameter.Value.Add_(brokenBy);
            }
        }

        TaskModelPackage.Save(model, folder, _tiny.Model);
        return folder;
    }
}
