using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class PictureTests
{
    private static Adapter Attach(Backbone backbone, string method, JsonObject? settings = null)
    {
        using var rng = new Rng(1, Device.Cpu);
        var found = PeftMethods.Get(method);
        var adapter = found.Attach(backbone, "a", found.ReadConfig(settings ?? TinyModels.Settings(method), "test"), rng);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        foreach (var (_, parameter) in adapter.NamedParameters())
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape.ToArray(), 0, 0.1));
        }

        return adapter;
    }

    private static HeatMap Picture(Adapter adapter, string title, Dictionary<string, double>? observed = null) =>
        Assert.IsType<HeatMap>(Assert.Single(adapter.Method.Pictures(adapter, observed ?? []), p => p.Title == title));

    private static Tensor Named(Module module, string path) => module.NamedParameters().Single(p => p.Path == path).Parameter.Value;

    [Fact]
    public void Lora_shows_the_size_of_its_update_relative_to_each_matrix()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "lora", new() { ["rank"] = 2, ["alpha"] = 6 });
        using var scope = new TensorScope();
        const string Path = "encoder.layer.1.attention.self.value";

        var picture = Picture(adapter, "How far each map moved");

        var update = Named(adapter, Path + ".lora_B").MatMul(Named(adapter, Path + ".lora_A")) * 3.0;
        var expected = update.Norm().ToDouble() / Named(backbone, Path + ".weight").Norm().ToDouble();
        Assert.Equal([("query", "0"), ("value", "0"), ("query", "1"), ("value", "1")], picture.Cells.Select(c => (c.X, c.Y)));
        Assert.Equal(expected, picture.Cells[^1].Value, 1e-5 * expected);
    }

    [Fact]
    public void An_update_of_nothing_moved_nothing()
    {
        using var backbone = TinyBackbones.Create("bert", DType.BFloat16);
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = PeftMethods.Get("lora").Attach(backbone, "a", PeftMethods.Get("lora").Defaults, rng);

        Assert.All(Picture(adapter, "How far each map moved").Cells, c => Assert.Equal(0, c.Value));
    }

    [Theory]
    [InlineData("bitfit", "query.bias")]
    [InlineData("ln-tuning", "output.LayerNorm.weight")]
    public void What_trains_biases_and_norms_shows_them_by_name(string method, string column)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, method);

        var picture = Picture(adapter, "How far each bias and norm moved");

        Assert.Contains(picture.Cells, c => c.Y == "1" && c.X.EndsWith(column, StringComparison.Ordinal) && c.Value > 0);
        Assert.Equal("outside blocks", picture.Cells[0].Y);
    }

    [Fact]
    public void A_full_copy_shows_its_matrices_alone()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "full");

        Assert.Equal(2 * 6, Picture(adapter, "How far each map moved").Cells.Count);
    }

    [Fact]
    public void Unipelt_shows_the_mean_gate_of_each_submodule()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "unipelt", new() { ["length"] = 3, ["prefix_bottleneck"] = 8, ["rank"] = 2, ["reduction_factor"] = 4 });
        var observed = new Dictionary<string, double>
        {
            ["encoder.layer.0.attention.self.query.gate"] = 0.1, ["encoder.layer.0.attention.self.value.gate"] = 0.2,
            ["encoder.layer.1.attention.self.gate"] = 0.3, ["encoder.layer.1.output.gate"] = 0.4, ["elsewhere.gate"] = 0.9,
        };

        var picture = Assert.IsType<HeatMap>(Assert.Single(adapter.Method.Pictures(adapter, observed)));

        Assert.Equal(
            [new("LoRA, query", "0", 0.1), new("LoRA, value", "0", 0.2), new("prefix", "1", 0.3), new("adapter", "1", 0.4)],
            picture.Cells.Order(Comparer<HeatMapCell>.Create((a, b) => a.Value.CompareTo(b.Value))));
    }

    [Fact]
    public void The_names_that_gates_show_are_those_that_the_picture_reads()
    {
        using var backbone = TinyBackbones.Create("roberta");
        using var adapter = Attach(backbone, "unipelt", new() { ["length"] = 3, ["prefix_bottleneck"] = 8, ["rank"] = 2, ["reduction_factor"] = 4 });
        using var scope = new TensorScope();
        var seen = new AdaptedModel(backbone).Forward(TinyBackbones.Batch(1, 5, 3), adapter).Observations;

        var picture = Picture(adapter, "How far the gates open", seen.ToDictionary(o => o.Key, o => o.Value[0].Value.Mean().ToDouble()));

        Assert.Equal(2 * 4, picture.Cells.Count);
    }

    [Fact]
    public void Adalora_shows_the_ranks_that_are_left()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "adalora", new() { ["initial_rank"] = 4, ["target_rank"] = 2, ["targets"] = "query" });
        using (var frozen = Autograd.NoGrad())
        {
            Named(adapter, "encoder.layer.1.attention.self.query.lora_E").Narrow(0, 1, 3).Mul_(0);
        }

        Assert.Equal([new("query", "0", 4), new("query", "1", 1)], Picture(adapter, "Ranks that are left").Cells);
    }

    [Fact]
    public void Fusion_shows_how_much_each_block_attends_to_each_adapter()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "fusion");
        using var scope = new TensorScope();
        using var rng = new Rng(1, Device.Cpu);
        var batch = TinyBackbones.Batch(1, 6, 3);
        var model = new AdaptedModel(backbone);
        var (padded, alone) = (model.Forward(batch, adapter).Observations, model.Forward(TinyBackbones.Rows(batch, 1, 1), adapter).Observations);

        var picture = Picture(adapter, "Attention over the adapters", alone.ToDictionary(o => o.Key, o => o.Value[0].Value.Mean().ToDouble()));

        Assert.Equal(["one", "two"], picture.Cells.Select(c => c.X).Distinct());
        Assert.All(picture.Cells.GroupBy(c => c.Y), block => Assert.Equal(1, block.Sum(c => c.Value), 1e-5));
        Assert.Equal(padded.Keys, alone.Keys);
        Assert.Empty(model.Forward(batch, adapter, training: true, rng).Observations);
    }
}
