using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.Spans;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Heads;

public sealed class SpanHeadTests
{
    private const int Width = 16;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_scores_are_those_of_the_formula_and_padding_has_none(int layers)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(5, Device.Cpu);
        using var head = Head(rng, layers: layers);
        var hidden = rng.Normal([2, 4, Width], 0, 1);

        var scores = head.Forward(new BackboneOutput(hidden), Tensor.From(new float[] { 1, 1, 1, 1, 1, 1, 0, 0 }, 2, 4));

        Assert.Equal([2, 2, 4], scores.Shape);
        var weights = head.NamedParameters().ToDictionary(w => w.Path, w => w.Parameter.Value);
        var states = layers == 2 ? F.Linear(hidden, weights["hidden.weight"], weights["hidden.bias"]).Tanh() : hidden;
        var expected = F.Linear(states, weights["weight"], weights["bias"]).ToArray<float>();
        var values = scores.ToArray<float>();
        for (var row = 0; row < 2; row++)
        {
            for (var of = 0; of < 2; of++)
            {
                for (var t = 0; t < 4; t++)
                {
                    var value = values[(((row * 2) + of) * 4) + t];
                    Assert.Equal(row == 1 && t > 1 ? -1e9f : expected[(((row * 4) + t) * 2) + of], value, 1e-5f);
                }
            }
        }
    }

    [Fact]
    public void The_loss_is_the_mean_of_two_cross_entropies_and_does_not_see_padding()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(6, Device.Cpu);
        using var head = Head(rng);
        var hidden = rng.Normal([2, 3, Width], 0, 1);
        var targets = Tensor.From(new long[] { 1, 2, 0, 0 }, 2, 2);

        var scores = head.Forward(new BackboneOutput(hidden), null);
        var loss = head.Loss(scores, targets, labelSmoothing: 0.3);

        var z = scores.ToArray<float>();
        var expected = new[] { 1, 2, 0, 0 }.Select((t, i) => Math.Log(Enumerable.Range(0, 3).Sum(k => Math.Exp(z[(i * 3) + k]))) - z[(i * 3) + t]).Average();
        Assert.Equal(expected, loss.ToDouble(), 1e-5);

        var padded = head.Forward(
            new BackboneOutput(Tensor.Cat([hidden, rng.Normal([2, 2, Width], 0, 1)], 1)), Tensor.From(new float[] { 1, 1, 1, 0, 0, 1, 1, 1, 0, 0 }, 2, 5));
        Assert.Equal(loss.ToDouble(), head.Loss(padded, targets).ToDouble(), 1e-6);
    }

    [Theory]
    [InlineData("lora")]
    [InlineData("unipelt-pt")]
    [InlineData("prompt-tuning")]
    public void Virtual_tokens_have_no_scores_and_a_row_has_the_same_ones_alone_and_in_a_batch(string method)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, method, TaskKind.Span);
        Example[] questions = [new("good", "bad film of a"), new("good film", "bad")];
        var rows = model.Tokenize(questions, TinyModels.Tokenizer());

        var both = model.Forward(rows.Batch([0, 1], Device.Cpu)).Logits;

        Assert.Equal([2, 2, rows.Lengths.Max()], both.Shape);
        for (var row = 0; row < 2; row++)
        {
            var alone = model.Forward(rows.Batch([row], Device.Cpu)).Logits;
            TensorAssert.Close(both.Narrow(0, row, 1).Narrow(2, 0, rows.Lengths[row]), alone, 1e-4, 1e-5);
        }
    }

    [Fact]
    public void A_package_keeps_every_setting()
    {
        using var folder = new TestFolder();
        using var backbone = TinyBackbones.Create("bert");
        var config = new SpanHeadConfig(new SpanSearchSettings(7, 9, true, -1.5), Overlap: 3, Dropout: 0.2, Layers: 2);
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Span, head: config);
        var place = Path.Combine(folder.Path, "package");

        TaskModelPackage.Save(model, place);
        using var loaded = TaskModelPackage.Load(place, backbone);

        Assert.Equal(config, loaded.Head.Config);
        Assert.Equal(TaskKind.Span, loaded.Task.Kind);
        Assert.All(model.Head.Parameters().Zip(loaded.Head.Parameters()), p => TensorAssert.BitwiseEqual(p.First.Value, p.Second.Value));
    }

    [Theory]
    [InlineData("\"type\": \"span\"", "\"type\": \"spam\"", "'spam'")]
    [InlineData("\"type\": \"span\"", "\"type\": \"text\"", "unknown key")]
    [InlineData("\"kind\": \"span\"", "\"kind\": \"regression\"", "not defined for a regression task")]
    [InlineData("\"n_best\": 20", "\"n_best\": 0", "'head.n_best' is 0")]
    [InlineData("\"answer_tokens\": 30", "\"answer_tokens\": 1e9", "answer_tokens")]
    [InlineData("\"overlap\": 4", "\"overlap\": -4", "an overlap of -4")]
    [InlineData("\"layers\": 1", "\"layers\": 3", "3 layers")]
    [InlineData("\"null_answers\": false", "\"null_answers\": 0", "null_answers")]
    [InlineData("\"null_threshold\": 0", "\"null_threshold\": \"x\"", "null_threshold")]
    [InlineData("\"token_f1\"", "\"accuracy\"", "accuracy")]
    public void A_damaged_manifest_is_refused(string from, string to, string expected)
    {
        using var folder = new TestFolder();
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Span);
        var place = Path.Combine(folder.Path, "package");
        var manifest = TaskModelPackage.Save(model, place).ManifestPath;
        var text = File.ReadAllText(manifest);
        Assert.Contains(from, text);
        File.WriteAllText(manifest, text.Replace(from, to));

        Assert.Contains(expected, Assert.Throws<GraftException>(() => TaskModelPackage.Load(place, backbone)).Message);
    }

    private static SpanHead Head(Rng rng, int layers = 1)
    {
        var head = new SpanHead(new SpanHeadConfig(new SpanSearchSettings(), Layers: layers), Width, rng);
        foreach (var parameter in head.Parameters())
        {
            parameter.Value.Detach().Copy_(rng.Normal(parameter.Value.Shape, 0, 0.5));
        }

        return head;
    }
}
