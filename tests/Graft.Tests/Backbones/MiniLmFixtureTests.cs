using System.Text.Json;
using Graft.Backbones;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Backbones;

/// <summary>The real default backbone against numbers computed by another implementation.</summary>
public sealed class MiniLmFixtureTests
{
    private static readonly Lazy<JsonDocument> s_reference = new(() => JsonDocument.Parse(File.ReadAllBytes(SharedData.Fixture("minilm/reference.json"))));

    [Fact]
    public void Fixture_embeddings_and_hidden_states_are_the_reference_s()
    {
        using var backbone = Backbone.Load(RealMiniLm.Folder);
        var tokenizer = Tokenizer.Load(RealMiniLm.Folder);
        using var frozen = Autograd.NoGrad();

        foreach (var sentence in Sentences())
        {
            using var scope = new TensorScope();
            var text = sentence.GetProperty("text").GetString()!;
            var encoding = tokenizer.Encode(text, sentence.GetProperty("pair").GetString());
            Assert.Equal(Integers(sentence.GetProperty("input_ids")), encoding.Ids);
            Assert.Equal(Integers(sentence.GetProperty("token_type_ids")), encoding.TypeIds);

            var output = backbone.Forward(Input([encoding]), allHiddenStates: true);

            var norms = Numbers(sentence.GetProperty("hidden_frobenius_norms"));
            Assert.Equal(norms.Length, output.HiddenStates!.Count);
            for (var layer = 0; layer < norms.Length; layer++)
            {
                var norm = output.HiddenStates[layer].To(DType.Float64).Norm().ToDouble();
                Assert.True(Math.Abs(norm - norms[layer]) <= 1e-5 * norms[layer], $"'{text}' layer {layer}: {norm}, expected {norms[layer]}.");
                AssertClose(
                    Numbers(sentence.GetProperty("hidden_cls_first4")[layer]), output.HiddenStates[layer].Select(1, 0).View(-1).Narrow(0, 0, 4), 1e-5, text);
            }

            AssertClose(Numbers(sentence.GetProperty("embedding")), Embedding(output.LastHiddenState, null), 1e-6, text);
        }
    }

    [Fact]
    public void Fixture_a_padded_batch_gives_the_embeddings_of_each_sentence_alone()
    {
        using var backbone = Backbone.Load(RealMiniLm.Folder);
        var tokenizer = Tokenizer.Load(RealMiniLm.Folder);
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var all = Sentences();
        var rows = Integers(s_reference.Value.RootElement.GetProperty("padded_batch").GetProperty("sentences")).Select(i => all[i]).ToList();
        var input = Input([.. rows.Select(r => tokenizer.Encode(r.GetProperty("text").GetString()!, r.GetProperty("pair").GetString()))]);

        var embeddings = Embedding(backbone.Forward(input).LastHiddenState, input.Mask);

        for (var i = 0; i < rows.Count; i++)
        {
            AssertClose(Numbers(rows[i].GetProperty("embedding")), embeddings.Select(0, i), 1e-6, $"row {i}");
        }
    }

    [Fact]
    public void Fixture_embeddings_in_bfloat16_point_the_same_way()
    {
        using var backbone = Backbone.Load(RealMiniLm.Folder, new BackboneOptions(DType.BFloat16));
        var tokenizer = Tokenizer.Load(RealMiniLm.Folder);
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var sentence = Sentences()[0];

        var embedding = Embedding(backbone.Forward(Input([tokenizer.Encode(sentence.GetProperty("text").GetString()!)])).LastHiddenState, null).To(DType.Float64).View(-1);
        var reference = Tensor.From(Numbers(sentence.GetProperty("embedding")), 384);

        Assert.True((embedding * reference).Sum().ToDouble() > 0.995);
    }

    private static List<JsonElement> Sentences() => [.. s_reference.Value.RootElement.GetProperty("sentences").EnumerateArray()];

    private static BackboneInput Input(IReadOnlyList<Encoding> encodings)
    {
        var length = encodings.Max(e => e.Ids.Length);
        var ids = new long[encodings.Count * length];
        var types = new long[ids.Length];
        var mask = new float[ids.Length];
        for (var i = 0; i < encodings.Count; i++)
        {
            for (var t = 0; t < encodings[i].Ids.Length; t++)
            {
                ids[(i * length) + t] = encodings[i].Ids[t];
                types[(i * length) + t] = encodings[i].TypeIds[t];
                mask[(i * length) + t] = 1;
            }
        }

        return new BackboneInput(
            Tensor.From(ids, encodings.Count, length), Tensor.From(mask, encodings.Count, length), Tensor.From(types, encodings.Count, length));
    }

    private static Tensor Embedding(Tensor hidden, Tensor? mask)
    {
        var mean = TinyBackbones.MeanPool(hidden, mask);
        return mean / mean.Norm(1, keep: true);
    }

    private static void AssertClose(double[] expected, Tensor actual, double tolerance, string what)
    {
        var values = actual.To(DType.Float64).Contiguous().View(-1).ToArray<double>();
        var worst = expected.Zip(values).Max(p => Math.Abs(p.First - p.Second));
        Assert.True(worst <= tolerance, $"{what}: off by {worst}, at most {tolerance} is allowed.");
    }

    private static int[] Integers(JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetInt32())];

    private static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetDouble())];
}
