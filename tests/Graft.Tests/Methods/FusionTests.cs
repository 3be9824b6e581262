using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.Methods.Core.Compositions;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class FusionTests : PeftMethodConformance
{
    protected override string Method => "fusion";

    protected override JsonObject Settings => TinyModels.Settings("fusion");

    [Fact]
    public void Without_keys_and_with_the_identity_as_value_it_is_the_mean_of_the_adapters()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var fused = Attach(backbone);
        Plain(fused);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);
        using var rng = new Rng(1, Device.Cpu);
        var pfeiffer = PeftMethods.Get("pfeiffer");
        var children = new[] { "one", "two" }.Select(name =>
        {
            var child = pfeiffer.Attach(backbone, name, pfeiffer.ReadConfig(new() { ["reduction_factor"] = 4 }, "test"), rng);
            var held = fused.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
            foreach (var (path, parameter) in child.NamedParameters())
            {
                parameter.Assign(held[$"shared.adapters.{name}.{path}"]);
            }

            return child;
        }).ToList();

        TensorAssert.Close(Run(backbone, Compose.Average(children), batch).LastHiddenState, Run(backbone, fused, batch).LastHiddenState);
        children.ForEach(c => c.Dispose());
    }

    [Fact]
    public void Over_one_adapter_with_the_identity_as_value_it_is_that_adapter()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var pfeiffer = PeftMethods.Get("pfeiffer");
        using var child = pfeiffer.Attach(backbone, "one", pfeiffer.ReadConfig(new() { ["reduction_factor"] = 4 }, "test"), rng);
        using var fused = Compose.Fuse(backbone, "fused", rng, child);
        Plain(fused);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, 5, 3);

        TensorAssert.Close(Run(backbone, child, batch).LastHiddenState, Run(backbone, fused, batch).LastHiddenState);
        Assert.Throws<GraftException>(() => ((IBuildsOnAdapters)Subject).TakeOver(fused, []));
    }

    [Fact]
    public void What_it_cannot_fuse_is_refused_in_one_sentence()
    {
        using var backbone = TinyBackbones.Create("bert");

        Refused(Subject.Defaults, "has no adapters");
        Refused(Read("a,b"), "not read yet");
        Refused(Read(new JsonArray(Child("a", "lora"))), "'a' (lora)");
        Refused(Read(new JsonArray(Child("a", "houlsby"))), "trained norms");
        Refused(Read(new JsonArray(Child("a", "pfeiffer"), Child("b", "houlsby", new() { ["train_norms"] = false }))), "different places");
        Assert.Contains("twice", Assert.Throws<GraftException>(() => Read(new JsonArray(Child("a", "pfeiffer"), Child("a", "pfeiffer")))).Message, StringComparison.Ordinal);
        Assert.Contains("adapters", Assert.Throws<GraftException>(() => Read(new JsonArray(7))).Message, StringComparison.Ordinal);

        PeftConfig Read(JsonNode adapters) => Subject.ReadConfig(new() { ["adapters"] = adapters }, "test");

        static JsonObject Child(string name, string method, JsonObject? set = null) => new() { ["name"] = name, ["method"] = method, ["set"] = set ?? [] };

        void Refused(PeftConfig config, string expected)
        {
            using var rng = new Rng(1, Device.Cpu);
            Assert.Contains(expected, Assert.Throws<GraftException>(() => Subject.Attach(backbone, "f", config, rng)).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>K and its bias to zero, V to the identity.</summary>
    private static void Plain(Adapter fused)
    {
        using var scope = new TensorScope();
        foreach (var (path, parameter) in fused.NamedParameters())
        {
            if (path.Contains(".fusion.key.", StringComparison.Ordinal))
            {
                parameter.Assign(parameter.Value.ZerosLike());
            }
            else if (path.EndsWith(".fusion.value.weight", StringComparison.Ordinal))
            {
                parameter.Assign(Tensor.Eye(parameter.Value.Size(0)));
            }
        }
    }
}
