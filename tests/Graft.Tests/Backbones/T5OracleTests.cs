using System.Text.Json;
using Graft.Backbones;
using Graft.Backbones.Generation;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Backbones;

/// <summary>T5 v1.0 and v1.1 and what they write, against tests/oracles/t5: the model and the searches written again in numpy, without cache or batches.</summary>
public sealed class T5OracleTests
{
    public static TheoryData<string> Versions => ["v1.0", "v1.1"];

    [Theory, MemberData(nameof(Versions))]
    public void States_and_scores_of_long_texts_equal_the_oracle(string version)
    {
        using var file = Open(version);
        using var scope = new TensorScope();
        using var backbone = Create(version, file);
        var input = new BackboneInput(file.Load("ids").Unsqueeze(0)) { DecoderIds = file.Load("decoder_ids").Unsqueeze(0) };

        var output = backbone.Forward(input);

        TensorAssert.Close(file.Load("encoded"), output.LastHiddenState.Squeeze(0), 1e-10, 1e-12);
        TensorAssert.Close(file.Load("logits"), output.Logits!.Squeeze(0), 1e-10, 1e-12);
    }

    [Theory, MemberData(nameof(Versions))]
    public void Written_texts_and_their_scores_equal_the_oracle(string version)
    {
        using var file = Open(version);
        using var backbone = Create(version, file);
        using var document = JsonDocument.Parse(File.ReadAllText(SharedData.Fixture($"t5/{version}.written.json")));
        var sources = document.RootElement.GetProperty("sources").Deserialize<long[][]>()!;
        using var scope = new TensorScope();
        var input = Padded(sources);
        var model = new AdaptedModel(backbone);
        foreach (var written in document.RootElement.GetProperty("cases").EnumerateArray())
        {
            var settings = new GenerationSettings
            {
                Beams = written.GetProperty("beams").GetInt32(),
                MaxTokens = written.GetProperty("max").GetInt32(),
                MinTokens = written.GetProperty("min").GetInt32(),
                LengthPenalty = written.GetProperty("penalty").GetDouble(),
                EarlyStopping = Enum.Parse<EarlyStopping>(written.GetProperty("stop").GetString()!.Replace("_", "", StringComparison.Ordinal), ignoreCase: true),
            };
            var (texts, scores) = (written.GetProperty("texts").Deserialize<int[][]>()!, written.GetProperty("scores").Deserialize<double[]>()!);

            foreach (var cached in new[] { true, false })
            {
                var answers = model.Generate(input, adapter: null, settings with { UseCache = cached });

                Assert.Equal(texts, answers.Select(a => a.Ids));
                Assert.Equal(written.GetProperty("ended").Deserialize<bool[]>()!, answers.Select(a => a.Ended));
                Assert.All(scores.Zip(answers), s => Assert.Equal(s.First, s.Second.Score, 1e-9));
            }
        }
    }

    [Fact]
    public void Buckets_of_relative_positions_equal_the_oracle_at_every_edge()
    {
        using var document = JsonDocument.Parse(File.ReadAllText(SharedData.Fixture("t5/buckets.json")));
        (int Buckets, int Furthest)[] tables = [(32, 128), (8, 16), (32, 20)];
        foreach (var bidirectional in new[] { true, false })
        {
            var expected = document.RootElement.GetProperty(bidirectional ? "True" : "False").Deserialize<long[][]>()!;
            foreach (var (i, (buckets, furthest)) in tables.Index())
            {
                Assert.Equal(expected[i], Enumerable.Range(-300, 601).Select(d => RelativePositions.Bucket(d, bidirectional, buckets, furthest)));
            }
        }
    }

    private static SafetensorsFile Open(string version) => SafetensorsFile.Open(SharedData.Fixture($"t5/{version}.safetensors"));

    private static T5 Create(string version, SafetensorsFile file)
    {
        var gated = version == "v1.1";
        var config = new BackboneConfig("t5", 12, 2, gated ? 2 : 3, 20, 13, int.MaxValue)
        {
            HeadSize = gated ? 5 : 4,
            Decoder = new DecoderConfig(gated ? 3 : 2, StartId: 0, EndId: 1, PadId: 0),
        };
        return new T5(
            config, new T5Config(Dropout: 0, Activation: gated ? "gelu_new" : "relu", Gated: gated, TiedHead: !gated),
            new WeightSource((key, _) => file.Load("w." + key).Clone(), DType.Float64));
    }

    private static BackboneInput Padded(long[][] texts)
    {
        var longest = texts.Max(t => t.Length);
        return new BackboneInput(
            Tensor.From(texts.SelectMany(t => t.Concat(Enumerable.Repeat(0L, longest - t.Length))).ToArray(), texts.Length, longest),
            Tensor.From(texts.SelectMany(t => Enumerable.Range(0, longest).Select(i => i < t.Length ? 1f : 0f)).ToArray(), texts.Length, longest));
    }
}
