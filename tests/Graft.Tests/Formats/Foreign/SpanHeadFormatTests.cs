using System.Text.Json.Nodes;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.Spans;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Foreign;

/// <summary>Heads of question answering in the files of other libraries.</summary>
public sealed class SpanHeadFormatTests : IDisposable
{
    private readonly TestFolder _folder = new();

    private string Package => _folder.At("package");

    private string Foreign => _folder.At("foreign");

    private string Again => _folder.At("again");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("bert", "adapterhub", 1)]
    [InlineData("roberta", "adapterhub", 2)]
    [InlineData("bert", "peft", 1)]
    [InlineData("roberta", "peft", 1)]
    [InlineData("bert", "peft", 2)]
    public void Packages_come_back_byte_for_byte_and_without_what_graft_keeps_beside_with_the_same_scores(string architecture, string format, int layers)
    {
        using var backbone = TinyBackbones.Create(architecture);
        using var model = TinyModels.Create(
            backbone, "lora", TaskKind.Span, head: new SpanHeadConfig(new SpanSearchSettings(NBest: 7, NullAnswers: true), Overlap: 5, Dropout: 0.25, Layers: layers));
        TaskModelPackage.Save(model, Package, "hf:acme/tiny@v1");

        ForeignPackages.Convert(Package, Foreign, format, backbone);
        ForeignPackages.Convert(Foreign, Again, "graft", backbone);

        ForeignPackages.AssertSame(Package, Again);
        var kept = File.Exists(Path.Combine(Foreign, "graft_head.safetensors"));
        Assert.Equal(format == "peft" && layers == 2, kept);
        if (kept)
        {
            return;
        }

        File.Delete(Path.Combine(Foreign, "graft_kept.json"));
        Directory.Delete(Again, recursive: true);
        ForeignPackages.Convert(Foreign, Again, "graft", backbone);
        using var plain = TaskModelPackage.Load(Again, backbone);
        Assert.Equal(new SpanHeadConfig(new SpanSearchSettings(), Dropout: format == "peft" ? 0.1 : 0.25, Layers: layers), plain.Head.Config);
        Assert.Equal((TaskKind.Span, true), (plain.Task.Kind, plain.Task.IsPair));
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var batch = TinyBackbones.Batch(5, 9, 4, 12);
        TensorAssert.Close(model.Forward(batch).Logits, plain.Forward(batch).Logits, 1e-5, 1e-6);
    }

    [Fact]
    public void The_files_say_what_the_libraries_expect()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Span);
        TaskModelPackage.Save(model, Package);

        ForeignPackages.Convert(Package, Foreign, "peft", backbone);
        ForeignPackages.Convert(Package, _folder.At("hub"), "adapterhub", backbone);

        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Foreign, "adapter_config.json")))!;
        Assert.Equal("QUESTION_ANS", (string?)config["task_type"]);
        Assert.Equal(["qa_outputs"], config["modules_to_save"]!.AsArray().Select(m => (string?)m));
        using var file = SafetensorsFile.Open(Path.Combine(Foreign, "adapter_model.safetensors"));
        Assert.Equal([2L, TinyBackbones.Width], file.Info("base_model.model.qa_outputs.weight").Shape);
        Assert.Contains("base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight", file.Keys);
        var head = JsonNode.Parse(File.ReadAllText(_folder.At("hub", "head_config.json")))!["config"]!;
        Assert.Equal(("question_answering", 2, 1), ((string?)head["head_type"], (int)head["num_labels"]!, (int)head["layers"]!));
    }

    [Fact]
    public void A_head_behind_a_prompt_in_front_is_kept_as_the_libraries_would_score_the_prompt_too()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "prompt-tuning", TaskKind.Span, settings: new JsonObject { ["length"] = 3 });
        TaskModelPackage.Save(model, Package);

        ForeignPackages.Convert(Package, Foreign, "adapterhub", backbone);
        ForeignPackages.Convert(Foreign, Again, "graft", backbone);

        Assert.False(File.Exists(Path.Combine(Foreign, "head_config.json")));
        ForeignPackages.AssertSame(Package, Again);
    }

    [Theory]
    [InlineData("adapterhub", "head_config.json", "\"num_labels\": 2", "\"num_labels\": 3", "3")]
    [InlineData("adapterhub", "head_config.json", "question_answering", "tagging", "question_answering")]
    public void Heads_that_cannot_be_are_refused(string format, string file, string from, string to, string expected)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Span);
        TaskModelPackage.Save(model, Package);
        ForeignPackages.Convert(Package, Foreign, format, backbone);
        var path = Path.Combine(Foreign, file);
        Assert.Contains(from, File.ReadAllText(path));
        File.WriteAllText(path, File.ReadAllText(path).Replace(from, to));
        File.Delete(Path.Combine(Foreign, "graft_kept.json"));

        Assert.Contains(expected, Assert.Throws<GraftException>(() => ForeignPackages.Convert(Foreign, Again, "graft", backbone)).Message);
    }
}
