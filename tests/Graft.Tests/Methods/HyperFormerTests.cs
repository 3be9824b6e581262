using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public class HyperFormerTests : PeftMethodConformance
{
    protected override string Method => "hyperformer";

    protected override IReadOnlyList<string> Tasks => ["one", "two", "three"];

    protected override JsonObject Settings => new() { ["embedding"] = 5, ["hidden"] = 8, ["features"] = 6, ["reduction_factor"] = 4 };

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"train_norms": false}""")]
    [InlineData("""{"norm": false, "sublayers": "feed_forward", "leave_out": [1]}""")]
    public void A_task_alone_is_an_ordinary_adapter_with_the_same_answers(string settings)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var set = Settings;
        foreach (var (key, value) in JsonNode.Parse(settings)!.AsObject())
        {
            set[key] = value!.DeepClone();
        }

        using var adapter = Subject.Attach(backbone, "all", Subject.ReadConfig(set, "test"), rng, Tasks);
        Scramble(adapter);
        using var alone = Subject.Standalone(adapter, "two", backbone)!;
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(4, 6, 3);

        Assert.Equal(set["train_norms"]?.GetValue<bool>() == false ? "houlsby" : "union", alone.Method.Name);
        TensorAssert.Close(
            new AdaptedModel(backbone).Forward(batch, [new(adapter, "two"), new(adapter, "two")]).Output.LastHiddenState,
            new AdaptedModel(backbone).Forward(batch, alone).Output.LastHiddenState, 1e-6, 1e-6);
    }

    [Fact]
    public void Counts_on_the_shape_of_T5_base_are_the_authors()
    {
        using var backbone = HollowBackbones.T5Base();
        const long Norms = 47_616;

        Assert.Equal((5_163_440, 5_163_440 + Norms), (Count("hyperformer++", false), Count("hyperformer++", true)));
        Assert.Equal(645_430, Count("hyperformer++", false) / 8);
        Assert.Equal((2 * 5_120_624) + 512, Count("hyperformer", false));

        long Count(string name, bool norms)
        {
            var method = PeftMethods.Get(name);
            return method.CountParameters(method.ReadConfig(new JsonObject { ["train_norms"] = norms }, "test"), backbone.Sites, 8);
        }
    }
}

public sealed class HyperFormerPlusPlusTests : PeftMethodConformance
{
    protected override string Method => "hyperformer++";

    protected override IReadOnlyList<string> Tasks => ["one", "two"];

    protected override JsonObject Settings => new() { ["embedding"] = 5, ["hidden"] = 8, ["features"] = 6, ["reduction_factor"] = 4 };
}
