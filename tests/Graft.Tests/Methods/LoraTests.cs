using System.Text.Json.Nodes;
using Graft.Methods;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class LoraTests : PeftMethodConformance
{
    protected override string Method => "lora";

    protected override JsonObject Settings => new() { ["rank"] = 3, ["alpha"] = 6, ["dropout"] = 0.05, ["targets"] = "query, value, feed_forward_in" };

    [Fact]
    public void The_update_of_a_map_is_scaled_B_times_A()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", Config, rng);
        Scramble(adapter);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var parameters = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
        const string Query = "encoder.layer.1.attention.self.query";
        var weight = backbone.NamedParameters().First(p => p.Path == Query + ".weight").Parameter.Value;
        var expected = weight + (parameters[Query + ".lora_B"].MatMul(parameters[Query + ".lora_A"]) * (6.0 / 3));

        using var merger = WeightMerger.Merge(backbone, adapter, TinyBackbones.Batch(1, 5, 5));

        TensorAssert.Close(expected, weight, 0, 1e-6);
    }

    [Fact]
    public void Rank_8_on_query_and_value_of_a_12_layer_768_wide_model_has_294912_parameters()
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 12);
        var perWidth = PeftMethods.Get("lora").CountParameters(new LoraConfig(), backbone.Sites);

        Assert.Equal(294_912, perWidth / TinyBackbones.Width * 768);
    }

    [Theory]
    [InlineData("rank", "0", "rank is 0")]
    [InlineData("rank", "\"eight\"", "rank")]
    [InlineData("alpha", "-1", "alpha is -1")]
    [InlineData("dropout", "1", "dropout is 1")]
    [InlineData("targets", "\"quary\"", "targets")]
    public void A_wrong_value_is_refused_by_name(string key, string value, string expected)
    {
        var settings = new JsonObject { [key] = JsonNode.Parse(value) };

        var error = Assert.Throws<GraftException>(() => Subject.ReadConfig(settings, "--set"));

        Assert.StartsWith("--set", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_with_expression_is_checked_too() =>
        Assert.Throws<ArgumentException>(() => new LoraConfig() with { Rank = -2 });
}
