using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks.Corpora;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Heads;

public sealed class MaskedWordHeadTests : IDisposable
{
    private const int Width = TinyBackbones.Width;
    private const int Words = TinyBackbones.Vocabulary;

    private readonly TinyModelFolder _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_model_without_a_head_gets_a_new_one_and_one_with_a_head_keeps_it()
    {
        using var backbone = Backbone.Load(_tiny.Model);
        using var rng = new Rng(0);
        using var made = MaskedWordHead.Load(_tiny.Model, backbone, rng);
        Assert.False(made.IsPretrained);

        AddHead();
        using var whole = Backbone.Load(_tiny.Model);
        using var found = MaskedWordHead.Load(_tiny.Model, whole, rng);

        Assert.True(found.IsPretrained);
        Assert.Equal(backbone.Fingerprint, whole.Fingerprint);
        using var file = SafetensorsFile.Open(Path.Combine(_tiny.Model, "model.safetensors"));
        using var scope = new TensorScope();
        Assert.All(found.Export(), entry => TensorAssert.BitwiseEqual(file.Load(entry.Key), entry.Value));
    }

    [Fact]
    public void Scores_are_the_formula_computed_by_hand()
    {
        using var scope = new TensorScope();
        AddHead();
        using var backbone = Backbone.Load(_tiny.Model);
        using var rng = new Rng(0);
        using var head = MaskedWordHead.Load(_tiny.Model, backbone, rng);
        var state = rng.Normal([1, Width]);
        var words = rng.Normal([Words, Width]);

        var scores = head.Forward(state, words).Detach().ToArray<float>();

        var weights = head.Export().ToDictionary(e => e.Key.Split('.', 4)[^1], e => e.Value.Detach().ToArray<float>(), StringComparer.Ordinal);
        var (h, e) = (state.ToArray<float>(), words.ToArray<float>());
        var dense = Enumerable.Range(0, Width).Select(i => Gelu(weights["dense.bias"][i] + Enumerable.Range(0, Width).Sum(j => (double)weights["dense.weight"][(i * Width) + j] * h[j]))).ToArray();
        var (mean, deviation) = (dense.Average(), Math.Sqrt(dense.Select(d => Math.Pow(d - dense.Average(), 2)).Average() + 1e-12));
        var normal = dense.Select((d, i) => ((d - mean) / deviation * weights["LayerNorm.weight"][i]) + weights["LayerNorm.bias"][i]).ToArray();
        var bias = head.Export()[^1].Value.Detach().ToArray<float>();
        for (var word = 0; word < Words; word++)
        {
            Assert.Equal(bias[word] + normal.Select((n, i) => n * e[(word * Width) + i]).Sum(), scores[word], 1e-4);
        }
    }

    [Fact]
    public void A_part_of_a_head_one_that_is_misshapen_or_one_that_is_not_tied_is_refused()
    {
        using var backbone = Backbone.Load(_tiny.Model);
        AddHead(entries => entries.RemoveAll(e => e.Key.EndsWith("predictions.bias", StringComparison.Ordinal)));
        Assert.Contains("cls.predictions.bias", Refused(backbone), StringComparison.Ordinal);

        AddHead(entries => entries[^1] = entries[^1] with { Value = Tensor.Zeros([Words + 1]) });
        Assert.Contains($"[{Words + 1}]", Refused(backbone), StringComparison.Ordinal);

        AddHead(entries => entries.Add(new Entry("cls.predictions.decoder.weight", Tensor.Zeros([Words, Width]))));
        Assert.Contains("tied", Refused(backbone), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("bert")]
    [InlineData("roberta")]
    public void Word_embeddings_are_trained_as_decoder_too_and_only_what_was_masked_counts(string name)
    {
        using var scope = new TensorScope();
        using var backbone = TinyBackbones.Create(name);
        using var rng = new Rng(1);
        var method = PeftMethods.Get("full");
        using var model = new LanguageModel(
            backbone, method.Attach(backbone, "text", method.Defaults, rng), MaskedWordHead.Load(_tiny.Model, backbone, rng), TinyBackbones.PadId);
        CorruptedItem[] items =
        [
            new([2, 9, 4, 11, 3], new int[5], [2], [10]),
            new([2, 4, 3], new int[3], [1], [8]),
            new([2, 9, 3], new int[3], [], []),
        ];

        var output = model.Forward(items, rng);
        output.Loss.Backward();

        // Words 30 and 31 are nowhere in the input: their rows have a gradient as outputs alone.
        var words = model.Adapter.NamedParameters().Single(p => p.Path.Contains("word_embeddings", StringComparison.Ordinal)).Parameter.Value.Grad!;
        Assert.True(words.Select(0, 30).Abs().Sum().ToDouble() > 0);
        Assert.Equal([2, Words], output.Logits.Shape.ToArray());
        Assert.Equal([10L, 8L], output.Targets.ToArray<long>());

        // The third text has nothing to predict, so what else it says changes nothing; and rows are told apart by their places.
        var (other, alone) = (model.Forward([items[0], items[1], items[2] with { Input = [2, 20, 21] }]).Loss, model.Forward([items[0]]).Loss + model.Forward([items[1]]).Loss);
        Assert.Equal(model.Forward(items).Loss.ToDouble(), other.ToDouble(), 1e-5);
        Assert.Equal(alone.ToDouble(), other.ToDouble(), 1e-4);
    }

    private static double Gelu(double x) => 0.5 * x * (1 + Erf(x / Math.Sqrt(2)));

    // Abramowitz and Stegun 7.1.26, to 1.5e-7.
    private static double Erf(double x)
    {
        var t = 1 / (1 + (0.3275911 * Math.Abs(x)));
        var y = 1 - (((((((((1.061405429 * t) - 1.453152027) * t) + 1.421413741) * t) - 0.284496736) * t) + 0.254829592) * t * Math.Exp(-x * x));
        return Math.Sign(x) * y;
    }

    private string Refused(Backbone backbone)
    {
        using var rng = new Rng(0);
        return Assert.Throws<GraftException>(() => MaskedWordHead.Load(_tiny.Model, backbone, rng)).Message;
    }

    private void AddHead(Action<List<Entry>>? change = null)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(5);
        using var plain = Backbone.Load(_tiny.Model);
        List<Entry> entries =
        [
            .. plain.NamedParameters().Select(p => new Entry(p.Path, p.Parameter.Value)),
            new("cls.predictions.transform.dense.weight", rng.Normal([Width, Width], 0, 0.3)),
            new("cls.predictions.transform.dense.bias", rng.Normal([Width], 0, 0.3)),
            new("cls.predictions.transform.LayerNorm.weight", rng.Uniform([Width], 0.5, 1.5)),
            new("cls.predictions.transform.LayerNorm.bias", rng.Normal([Width], 0, 0.3)),
            new("cls.predictions.bias", rng.Normal([Words], 0, 0.3)),
        ];
        change?.Invoke(entries);
        var weights = Path.Combine(_tiny.Model, "model.safetensors");
        SafetensorsWriter.Write(weights + ".new", entries.Select(e => SafetensorsEntry.From(e.Key, e.Value)));
        File.Move(weights + ".new", weights, overwrite: true);
    }

    private sealed record Entry(string Key, Tensor Value);
}
