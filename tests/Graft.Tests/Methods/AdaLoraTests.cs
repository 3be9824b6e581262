using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Methods;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class AdaLoraTests : PeftMethodConformance
{
    private const int Maps = 12;

    protected override string Method => "adalora";

    protected override JsonObject Settings => new() { ["initial_rank"] = 4, ["target_rank"] = 3, ["interval"] = 1 };

    private AdaLoraConfig Halving => (AdaLoraConfig)Config with { TargetRank = 2 };

    // b0 = 48, bT = 24, ti = 10, T - tf = 60: by hand from eq. 10.
    [Theory]
    [InlineData(10, 48)]
    [InlineData(20, 36)]
    [InlineData(35, 27)]
    [InlineData(59, 24)]
    [InlineData(100, 24)]
    public void The_budget_shrinks_along_a_cubic(int step, int expected)
    {
        var schedule = AdaLora.Schedule(Halving, Maps, 100);

        Assert.Equal(expected, schedule.Budget(step));
    }

    [Theory]
    [InlineData(0.1, 0.4, 4, 8, false)]
    [InlineData(0.1, 0.4, 4, 12, true)]
    [InlineData(0.1, 0.4, 4, 13, false)]
    [InlineData(0.1, 0.4, 4, 61, true)]
    [InlineData(20, 0, 7, 100, true)]
    [InlineData(20, 5, 7, 94, false)]
    public void Ranks_are_chosen_at_intervals_and_always_at_the_end(double warmup, double final, double interval, int step, bool expected)
    {
        var config = Halving with { Warmup = warmup, Final = final, Interval = interval };

        Assert.Equal(expected, AdaLora.Schedule(config, Maps, 100).Chooses(step));
    }

    [Theory]
    [InlineData(1, 0.0)]
    [InlineData(2, 0.0)]
    [InlineData(30, 0.4)]
    public void After_training_exactly_the_budget_is_left(int steps, double final)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", Halving with { Final = final, Interval = 7 }, rng);

        Train(backbone, adapter, steps);

        using var scope = new TensorScope();
        var left = adapter.NamedParameters().Where(p => p.Path.EndsWith("lora_E", StringComparison.Ordinal))
            .Sum(p => p.Parameter.Value.Detach().ToArray<float>().Count(v => v != 0));
        Assert.Equal(2 * Maps, left);
    }

    [Fact]
    public void The_penalty_is_the_mean_distance_from_orthonormal_and_only_for_training()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        using var rng = new Rng(1, Device.Cpu);
        var batch = TinyBackbones.Batch(1, 4, 4);
        var distances = adapter.NamedParameters().Where(p => !p.Path.EndsWith("_E", StringComparison.Ordinal)).Select(p =>
        {
            var rows = p.Path.EndsWith("_A", StringComparison.Ordinal) ? p.Parameter.Value : p.Parameter.Value.Transpose(0, 1);
            return (rows.MatMul(rows.Transpose(0, 1)) - Tensor.Eye(4)).Norm().ToDouble();
        });

        Assert.Equal(0.5 * distances.Average(), RunPass(backbone, adapter, batch, rng).AuxiliaryLoss!.ToDouble(), 1e-5);
        Assert.Null(RunPass(backbone, adapter, batch).AuxiliaryLoss);
    }

    [Fact]
    public void Its_importance_goes_into_checkpoints_and_not_into_packages()
    {
        using var folder = new TestFolder();
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        Train(backbone, adapter, 3);

        Assert.Equal(Maps * 6, adapter.NamedBuffers().Count(b => b.Buffer.Kind == BufferKind.Training));
        Assert.Contains(adapter.NamedBuffers(), b => b.Buffer.Value.Max().ToDouble() > 0);
        var path = folder.At("a.safetensors");
        PackageWeights.Write(path, adapter);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(Maps * 3, file.Keys.Count);
    }

    [Fact]
    public void A_target_above_the_start_and_a_run_too_short_are_refused()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        Assert.Contains("target_rank 13", Assert.Throws<GraftException>(() =>
            Subject.Attach(backbone, "a", new AdaLoraConfig(TargetRank: 13), rng)).Message, StringComparison.Ordinal);

        using var adapter = Subject.Attach(backbone, "a", new AdaLoraConfig(Warmup: 200, Final: 100), rng);
        var error = Assert.Throws<GraftException>(() => adapter.BeginTraining(new TrainingPlan(300)));
        Assert.Contains("300", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_start_and_target_ranks_remove_nothing()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var adapter = Subject.Attach(backbone, "a", (AdaLoraConfig)Config with { TargetRank = 4 }, rng);

        Train(backbone, adapter, 4);

        using var scope = new TensorScope();
        Assert.All(
            adapter.NamedParameters().Where(p => p.Path.EndsWith("lora_E", StringComparison.Ordinal)),
            p => Assert.All(p.Parameter.Value.Detach().ToArray<float>(), v => Assert.NotEqual(0, v)));
    }

    [Fact]
    public void Counts_triplets_of_the_initial_rank()
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 12);

        // Per layer: 4 square maps and two between widths 16 and 32, so In + Out + 1 sums to 4 · 33 + 2 · 49.
        Assert.Equal(12 * 12 * ((4 * 33) + (2 * 49)), Subject.CountParameters(new AdaLoraConfig(), backbone.Sites));
        Assert.Equal(1_991_520, 12 * 12 * (13_824 + 6));
    }
}
