using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Recipes;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>PHA and HyperFormer from files to files: tasks together on an encoder, and as text on an encoder-decoder.</summary>
public sealed class HypernetworkTrainTests : IDisposable
{
    private readonly TinyModelFolder _bert = new();
    private readonly TinyModelFolder _t5 = new(t5: true);

    public void Dispose()
    {
        _bert.Dispose();
        _t5.Dispose();
    }

    [Theory]
    [InlineData("pha", """{"bottleneck": 4, "ordinary_bottleneck": 3}""")]
    [InlineData("pha-lowdata", """{"layout": "generated", "bottleneck": 4}""")]
    [InlineData("hyperformer++", """{"reduction_factor": 4, "train_norms": false}""")]
    public void A_task_of_a_package_goes_to_AdapterHub_and_back_with_the_same_answers(string method, string set)
    {
        var report = Train.Run(Settings(_bert, method, set));
        var package = JointPackage.Open(report.Joint!.Package);
        var place = report.Tasks[1].Package;

        Convert(place, "hub", "adapterhub");
        Convert(At("hub"), "own", "graft");

        Assert.All(package.Tasks, task => Assert.Equal(
            64 * sizeof(float), ValueBytes(Path.Combine(package.FolderOf(task), AdapterPackage.AdapterName))));
        using var shared = GraftModel.Load(place, _bert.Model);
        using var own = GraftModel.Load(At("own"), _bert.Model);
        Assert.All(new[] { "aa", "ba ca da" }, text => Assert.All(
            shared.Predict(text).Outputs.Zip(own.Predict(text).Outputs), p => Assert.Equal(p.First, p.Second, 1e-6f)));
    }

    [Theory]
    [InlineData("pha", """{"bottleneck": 4, "ordinary_bottleneck": 3}""")]
    [InlineData("hyperformer", """{"reduction_factor": 4}""")]
    public void Tasks_of_an_encoder_decoder_are_answered_as_text(string method, string set)
    {
        var report = Train.Run(Settings(_t5, method, set) with { Lr = 1e-2 });

        using var model = GraftModel.Load([.. report.Tasks.Select(t => t.Package)], _t5.Model);
        var answers = model.Predict([new("letters", "aa ba"), new("others", "ca"), new("letters", "da")]);

        Assert.All(answers, a => Assert.Equal(1, a.Outputs.Sum(), 1e-5f));
    }

    private static long ValueBytes(string path)
    {
        using var file = SafetensorsFile.Open(path);
        return file.Keys.Sum(k => (long)file.Bytes(k).Length);
    }

    private static TrainSettings Settings(TinyModelFolder tiny, string method, string set) => new()
    {
        Backbone = tiny.Model,
        Tasks = [tiny.WriteTask("letters", train: 40), tiny.WriteTask("others", train: 24, seed: 2)],
        Method = method,
        Set = JsonNode.Parse(set)!.AsObject(),
        Steps = 6,
        Batch = 8,
        Evaluations = 1,
        Out = Path.Combine(tiny.Root, "out"),
    };

    private string At(string folder) => Path.Combine(_bert.Root, folder);

    private void Convert(string source, string folder, string format) =>
        ConvertAdapter.Run(new ConvertSettings(source, At(folder), format) { Backbone = _bert.Model });
}
