using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>PROPETL from files to files: tasks together on one prototype, on an encoder and as text on an encoder-decoder.</summary>
public sealed class ProPetlTrainTests : IDisposable
{
    private readonly TinyModelFolder _bert = new();
    private readonly TinyModelFolder _t5 = new(t5: true);

    public void Dispose()
    {
        _bert.Dispose();
        _t5.Dispose();
    }

    private static TrainSettings Settings(TinyModelFolder tiny, string method, string place) => new()
    {
        Backbone = tiny.Model,
        Tasks = [tiny.WriteTask("letters", train: 40), tiny.WriteTask("others", train: 24, seed: 2)],
        Method = method,
        Set = new() { ["masked_by"] = "layer_and_task", ["stale_momentum"] = true },
        Steps = 6,
        Batch = 8,
        Evaluations = 1,
        CheckpointEvery = 1,
        Out = Path.Combine(tiny.Root, place),
    };

    [Theory]
    [InlineData("propetl-adapter", "adapterhub")]
    [InlineData("propetl-lora", "peft")]
    [InlineData("propetl-prefix", "adapterhub")]
    public void Tasks_of_an_encoder_share_a_package_and_go_to_other_libraries(string method, string format)
    {
        var report = Train.Run(Settings(_bert, method, method));
        var package = JointPackage.Open(report.Joint!.Package);
        var place = report.Tasks[1].Package;

        var alone = ConvertAdapter.Run(new ConvertSettings(place, Path.Combine(_bert.Root, method + "-alone"), "graft") { Backbone = _bert.Model });
        ConvertAdapter.Run(new ConvertSettings(place, Path.Combine(_bert.Root, method + "-foreign"), format) { Backbone = _bert.Model });

        Assert.Equal(["letters", "others"], package.Tasks);
        Assert.Equal(["letters", "others"], Inspect.Run(report.Joint.Package).Facts["masks"]!.AsObject().First().Value!["tasks"]!["names"]!.AsArray().Select(n => (string)n!));
        using var shared = GraftModel.Load(place, _bert.Model);
        using var own = GraftModel.Load(alone.Destination, _bert.Model);
        Assert.All(new[] { "aa", "ba ca da" }, text => Assert.All(
            shared.Predict(text).Outputs.Zip(own.Predict(text).Outputs), p => Assert.Equal(p.First, p.Second, 1e-5f)));
    }

    [Fact]
    public void The_page_of_a_package_draws_the_overlaps_that_inspect_tells()
    {
        var package = Train.Run(Settings(_bert, "propetl-adapter", "run")).Joint!.Package;
        var page = Path.Combine(_bert.Root, "masks.html");

        DrawPackage.Write(package, page, _bert.Model);

        var html = File.ReadAllText(page);
        var start = html.IndexOf("application/json\">", StringComparison.Ordinal) + "application/json\">".Length;
        var data = JsonNode.Parse(html[start..html.IndexOf("</script>", start, StringComparison.Ordinal)])!;
        var told = Inspect.Run(package).Facts["masks"]!.AsObject().First().Value!["tasks"]!["overlap"]!.AsArray().SelectMany(row => row!.AsArray()).Select(v => (double)v!);
        var drawn = data["pictures"]!.AsArray().Single(p => ((string)p!["title"]!).Contains("masks of tasks", StringComparison.Ordinal))!["cells"]!.AsArray().Select(c => (double)c!["value"]!);
        Assert.Equal("propetl-adapter for letters and others", (string?)data["title"]);
        Assert.All(told.Zip(drawn, (a, b) => (a, b)), pair => Assert.Equal(pair.a, pair.b, 1e-6));
        Assert.Equal(4, drawn.Count());

        DrawPackage.Write(package, page, _bert.Model);
        Assert.Equal(html, File.ReadAllText(page));
    }

    [Fact]
    public void A_method_without_pictures_says_where_its_numbers_are()
    {
        var package = Train.Run(Settings(_bert, "prompt-tuning", "run") with { Set = [] }).Tasks[0].Package;

        var error = Assert.Throws<GraftException>(() => DrawPackage.Write(package, Path.Combine(_bert.Root, "page.html"), _bert.Model));

        Assert.Contains("prompt-tuning has no pictures", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_bert.Root, "page.html")));
    }

    [Theory]
    [InlineData("propetl-adapter")]
    [InlineData("propetl-lora")]
    [InlineData("propetl-prefix")]
    public void Tasks_of_an_encoder_decoder_are_written_by_one_prototype(string method)
    {
        var report = Train.Run(Settings(_t5, method, method) with { Lr = 1e-2 });

        using var model = GraftModel.Load([.. report.Tasks.Select(t => t.Package)], _t5.Model);
        var answers = model.Predict([new("letters", "aa ba"), new("others", "ca"), new("letters", "da")]);

        Assert.Equal(3, answers.Count);
        Assert.All(answers, a => Assert.Equal(1, a.Outputs.Sum(), 1e-5f));
    }

    [Fact]
    public void A_run_that_was_interrupted_ends_with_the_same_bytes()
    {
        var (undisturbed, disturbed) = (Settings(_bert, "propetl-adapter", "a"), Settings(_bert, "propetl-adapter", "b"));
        Train.Run(undisturbed);
        using var cancel = new CancellationTokenSource();
        Assert.Throws<TrainingInterruptedException>(() => Train.Run(
            disturbed,
            p =>
            {
                if (p.Step >= 3)
                {
                    cancel.Cancel();
                }
            },
            cancel.Token));

        Train.Run(disturbed with { Resume = true });

        Assert.All(new[] { "adapter.safetensors", "tasks/letters/adapter.safetensors", "tasks/others/adapter.safetensors" }, file => Assert.Equal(
            File.ReadAllBytes(Path.Combine(undisturbed.Out, "joint", file)), File.ReadAllBytes(Path.Combine(disturbed.Out, "joint", file))));
    }
}
