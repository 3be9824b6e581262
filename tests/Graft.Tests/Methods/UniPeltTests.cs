using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public class UniPeltTests : PeftMethodConformance
{
    protected override string Method => "unipelt";

    protected override JsonObject Settings => With([]);

    // The prefix's parameters start at 0.02 and the training is short.
    protected override double LearningRate => 3e-2;

    protected static JsonObject With(JsonObject more)
    {
        var small = new JsonObject { ["length"] = 3, ["prefix_bottleneck"] = 8, ["rank"] = 2, ["reduction_factor"] = 4 };
        foreach (var (key, value) in more)
        {
            small[key] = value?.DeepClone();
        }

        return small;
    }
}

public sealed class UniPeltWithPublishedGatesTests : UniPeltTests
{
    protected override JsonObject Settings => With(new JsonObject { ["gate"] = "padded" });
}

public sealed class UniPeltWithoutGatesTests : UniPeltTests
{
    // No gate holds the parts back.
    protected override double LearningRate => 1e-2;

    protected override JsonObject Settings => With(new JsonObject { ["gate"] = "none", ["leave_out"] = new JsonArray(0) });
}

public sealed class UniPeltWithoutLoraTests : UniPeltTests
{
    protected override JsonObject Settings => With(new JsonObject { ["parts"] = "adapter, prefix" });
}

public sealed class UniPeltPromptTests : UniPeltTests
{
    protected override string Method => "unipelt-pt";

    protected override JsonObject Settings => With(new JsonObject { ["prompt_length"] = 2 });
}

public sealed class UniPeltCountTests
{
    [Theory]
    [InlineData("unipelt", "{}", 11_083_376, 1_373_760 + (48 * 769))]
    [InlineData("unipelt", """{"parts": "adapter, prefix"}""", 10_770_008, 1_078_848 + (24 * 769))]
    [InlineData("unipelt", """{"gate": "none"}""", 11_083_376 - (48 * 769), 1_373_760)]
    [InlineData("unipelt-pt", "{}", 11_091_056, 1_373_760 + (48 * 769) + 7_680)]
    [InlineData("prefix-tuning", """{"flat": true}""", 552_960, 552_960)]
    [InlineData("prefix-tuning", """{"length": 10}""", 7_680 + 9_849_344, 184_320)]
    [InlineData("prompt-tuning", """{"length": 100}""", 76_800, 76_800)]
    public void Trained_and_stored_parameters_on_RoBERTa_base_are_the_published_ones(string method, string settings, long trained, long stored)
    {
        using var backbone = HollowBackbones.RobertaBase();
        var peft = PeftMethods.Get(method);
        var config = peft.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "test");
        using var rng = new Rng(1, Device.Cpu);

        using var adapter = peft.Attach(backbone, "a", config, rng);
        var kept = CompactForm.Of(adapter, backbone);

        Assert.Equal(trained, peft.CountParameters(config, backbone.Sites));
        Assert.Equal(trained, adapter.ParameterCount);
        Assert.Equal(stored, peft.CountParameters(peft.Stored(config), backbone.Sites));
        Assert.Equal(stored, kept.ParameterCount);
        kept.Dispose();
    }
}
