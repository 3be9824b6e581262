using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Formats.Foreign;
using Graft.Formats.Foreign.Peft;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Foreign;

public sealed class SiteSelectionTests : IDisposable
{
    private readonly TestFolder _folder = new();

    [Theory]
    [InlineData("""["query", "value"]""", "{}", "qv0 qv1 qv2")]
    [InlineData("""["attention.self.query", "1.attention.self.key"]""", "{}", "q0 qk1 q2")]
    [InlineData("\"all-linear\"", "{}", "qkvofp0 qkvofp1 qkvofp2")]
    [InlineData("""["dense"]""", "{}", "ofp0 ofp1 ofp2")]
    [InlineData("""["output.dense"]""", "{}", "op0 op1 op2")]
    [InlineData("""["query"]""", """{"layers_to_transform": [0, 2]}""", "q0 q2")]
    [InlineData("""["query"]""", """{"layers_to_transform": 1, "layers_pattern": "layer"}""", "q1")]
    [InlineData("""["query"]""", """{"layers_to_transform": [1], "layers_pattern": ["block", "layer"]}""", "q1")]
    [InlineData("""["query", "key"]""", """{"exclude_modules": ["1.attention.self.key"]}""", "qk0 q1 qk2")]
    [InlineData("""["query", "key"]""", """{"exclude_modules": ".*layer\\.[01].*"}""", "qk2")]
    [InlineData("\".*layer\\\\.(0|2)\\\\.attention.*(query|dense)\"", "{}", "qo0 qo2")]
    [InlineData("null", "{}", "qv0 qv1 qv2")]
    public void Target_modules_select_as_in_peft(string targets, string others, string expected)
    {
        using var backbone = TinyBackbones.Create("bert", layers: 3);
        foreach (var prefix in new[] { "", "bert." })
        {
            var config = JsonNode.Parse(others)!.AsObject();
            config["target_modules"] = JsonNode.Parse(targets);
            _folder.Write("adapter_config.json", config.ToJsonString());

            var sites = new PeftModules(backbone, prefix).Select(PeftConfigFile.Load(_folder.Path), ["query", "value"]);

            Assert.Equal(expected, Short(sites));
        }
    }

    [Fact]
    public void Any_choice_of_maps_is_said_exactly_in_settings_and_in_names()
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 3);
        var all = backbone.Sites.Linear(SiteRole.AllLinear).ToList();
        var method = PeftMethods.Get("lora");
        var random = new Random(1);
        for (var trial = 0; trial < 300; trial++)
        {
            var roles = (SiteRole)random.Next(1, 128);
            var layers = random.Next(1, 8);
            var chosen = trial % 2 == 0
                ? all.Where(s => s.Matches(roles) && (layers & (1 << s.Layer)) != 0).ToList()
                : all.Where(_ => random.Next(3) == 0).ToList();
            if (chosen.Count == 0)
            {
                continue;
            }

            var settings = new JsonObject();
            Assert.True(SiteSelection.Describe(settings, backbone, ("targets", chosen)));
            using var rng = new Rng(0, Device.Cpu);
            using var adapter = method.Attach(backbone, "a", method.ReadConfig(settings, "the test"), rng);
            Assert.Equal(Short(chosen), Short([.. all.Where(s => adapter.NamedParameters().Any(p => p.Path == s.Path + ".lora_A"))]));

            var modules = new PeftModules(backbone, "roberta.");
            _folder.Write("adapter_config.json", new JsonObject { ["target_modules"] = modules.Names(chosen) }.ToJsonString());
            Assert.Equal(Short(chosen), Short(modules.Select(PeftConfigFile.Load(_folder.Path), [])));
        }
    }

    [Fact]
    public void Short_names_never_select_maps_of_heads()
    {
        using var backbone = TinyBackbones.Create("bert", layers: 3);

        var names = new PeftModules(backbone, "").Names([.. backbone.Sites.Linear(SiteRole.AllLinear)]).Select(n => (string)n!);

        Assert.Equal(["intermediate.dense", "key", "output.dense", "query", "value"], names);
    }

    public void Dispose() => _folder.Dispose();

    // Query, key, value, attention out (o), feed-forward (f) and its projection (p), by layer.
    private static string Short(IReadOnlyList<LinearSite> sites) => string.Join(' ', sites.GroupBy(s => s.Layer).OrderBy(g => g.Key).Select(g =>
        string.Concat(g.Select(s => s.Role switch
        {
            SiteRole.Query => 'q',
            SiteRole.Key => 'k',
            SiteRole.Value => 'v',
            SiteRole.AttentionOut => 'o',
            SiteRole.FeedForwardIn => 'f',
            _ => 'p',
        })) + g.Key));
}
