using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>Settings that a stranger, a typing error or another library may give: each is one sentence, or an adapter that works.</summary>
public sealed class HostileSettingsTests
{
    private static readonly string[] s_values =
    [
        "null", "true", "-1", "0", "1", "3", "0.5", "1e308", "1e999", "-1e999", "2147483647", "99999999999", "\"\"", "\"none\"", "\"x\"", "\"query\"",
        "\"key, feed_forward_out\"", "[]", "[null]", "[99]", "[0]", "[0, 1]", "[\"x\"]", "{}", "{\"default\": null}", "{\"0\": 3}", "{\"default\": 4, \"1\": 3}",
        "{\"query\": 3}", "{\"x\": null}", "{\"(\": 3}", "{\"query\": 1e999}", "[{\"method\": \"head\"}]", "[{\"method\": \"lora\", \"set\": {\"rank\": null}}]",
    ];

    // An adapter on a model of width 16 that is worth making in a test.
    private const long LargeEnough = 400_000;

    public static TheoryData<string> Methods => [.. PeftMethods.All.Select(m => m.Name).Where(n => !n.StartsWith("test-", StringComparison.Ordinal))];

    [Theory, MemberData(nameof(Methods))]
    public void Every_value_of_every_setting_is_an_adapter_or_one_sentence(string name)
    {
        using var backbone = TinyBackbones.Create("roberta");
        using var frozen = Autograd.NoGrad();
        var method = PeftMethods.Get(name);
        var made = 0;
        foreach (var setting in method.WriteConfig(method.Defaults).Select(s => s.Key))
        {
            foreach (var value in s_values)
            {
                using var scope = new TensorScope();
                try
                {
                    made += Works(backbone, method, With(setting, value)) ? 1 : 0;
                }
                catch (GraftException e)
                {
                    Assert.DoesNotContain('\n', e.Message);
                }
                catch (Exception e) when (e is not Xunit.Sdk.XunitException)
                {
                    Assert.Fail($"{name}: {setting} = {value}: {e}");
                }
            }
        }

        Assert.True(made > 0 || name is "head");
    }

    [Theory]
    [InlineData("lora", """{"leave_out": [1, 2]}""", "leave_out has block 2, and this bert backbone has blocks 0 to 1")]
    [InlineData("unipelt", """{"leave_out": [7]}""", "leave_out has block 7")]
    [InlineData("lora", """{"leave_out": [0, 1]}""", "leave out less")]
    [InlineData("lora", """{"modules": "self.qurey"}""", "modules has 'self.qurey', with which no linear map's path ends; did you mean 'self.query'")]
    [InlineData("ia3", """{"modules": "query, nothing.of.this.kind"}""", "modules has 'nothing.of.this.kind'")]
    [InlineData("lora", """{"rank_pattern": {"query": 2, "qurey": 4}}""", "rank_pattern has 'qurey', which matches none of the 4 maps")]
    [InlineData("lora", """{"alpha_pattern": {"que": 4}}""", "alpha_pattern has 'que'")]
    [InlineData("dora", """{"alpha_pattern": {"output.dense": 4}}""", "alpha_pattern has 'output.dense'")]
    [InlineData("p-tuning", """{"encoder_hidden": 1048576}""", "GiB of memory")]
    public void What_does_not_fit_the_backbone_or_the_machine_is_refused_before_anything_is_made(string name, string settings, string expected)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var method = PeftMethods.Get(name);
        var config = method.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test");

        Assert.Contains(expected, Assert.Throws<GraftException>(() => method.Attach(backbone, "a", config, rng)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_prompt_that_leaves_no_room_for_a_text_has_no_task_model()
    {
        using var backbone = TinyBackbones.Create("bert");

        var error = Assert.Throws<GraftException>(() => TinyModels.Create(
            backbone, "p-tuning", TaskKind.Classification, settings: new() { ["length"] = 40 }));

        Assert.Contains("leaves too few for a text", error.Message, StringComparison.Ordinal);
    }

    private static JsonObject With(string setting, string value) => new(JsonNode.Parse("""
        {
            "reduction_factor": 4, "length": 3, "bottleneck": 8, "prefix_bottleneck": 8,
            "adapters": [{ "name": "a", "method": "pfeiffer", "set": { "reduction_factor": 4 } }]
        }
        """)!.AsObject().Where(s => s.Key != setting).Select(s => KeyValuePair.Create(s.Key, s.Value?.DeepClone()))) { [setting] = JsonNode.Parse(value) };

    private static bool Works(Backbone backbone, PeftMethod method, JsonObject settings)
    {
        var known = method.WriteConfig(method.Defaults);
        foreach (var key in settings.Select(s => s.Key).Where(k => !known.ContainsKey(k)).ToList())
        {
            settings.Remove(key);
        }

        var config = method.ReadConfig(settings, "test");
        Assert.Equal(config, method.ReadConfig(JsonNode.Parse(method.WriteConfig(config).ToJsonString())!.AsObject(), "test"));
        var count = method.CountParameters(config, backbone.Sites);
        if (count is < 0 or > LargeEnough)
        {
            Assert.True(count > 0);
            return false;
        }

        using var rng = new Rng(1, Device.Cpu);
        using var adapter = method.Attach(backbone, "test", config, rng);
        Assert.Equal(count, adapter.Parameters().Where(p => p.Trainable).Sum(p => p.Value.Count));
        var output = new AdaptedModel(backbone).Forward(TinyBackbones.Batch(1, 5, 3), adapter).Output.LastHiddenState;
        Assert.Equal([2, 5, TinyBackbones.Width], output.Shape.ToArray());
        Assert.True(output.AllFinite(), config.ToString());
        return true;
    }
}
