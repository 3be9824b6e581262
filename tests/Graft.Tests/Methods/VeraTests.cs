using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Methods;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

public sealed class VeraTests : PeftMethodConformance
{
    protected override string Method => "vera";

    protected override double LearningRate => 3e-2;

    protected override JsonObject Settings => new() { ["rank"] = 6, ["targets"] = "query, value, feed_forward_in, feed_forward_out" };

    [Theory]
    [InlineData(1024, 43_008)]
    [InlineData(256, 24_576)]
    public void Counts_only_the_two_scales(int rank, long expected)
    {
        using var backbone = TinyBackbones.Create("roberta", layers: 12);

        var count = Subject.CountParameters(new VeraConfig(rank), backbone.Sites);

        Assert.Equal(expected, count + (24 * (768 - TinyBackbones.Width)));
    }

    [Fact]
    public void Maps_share_the_frozen_matrices_cut_to_size()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();

        var buffers = adapter.NamedBuffers().ToDictionary(b => b.Path, b => b.Buffer.Value, StringComparer.Ordinal);

        Assert.Equal(["shared.projection.A", "shared.projection.B"], buffers.Keys);
        Assert.Equal([6, 32], buffers["shared.projection.A"].Shape.ToArray());
        Assert.Equal([32, 6], buffers["shared.projection.B"].Shape.ToArray());
        Assert.All(buffers["shared.projection.A"].ToArray<float>(), v => Assert.InRange(Math.Abs(v), 0, Math.Sqrt(6.0 / 32)));
        Assert.All(buffers["shared.projection.B"].ToArray<float>(), v => Assert.InRange(Math.Abs(v), 0, 1));
        Assert.All(buffers.Values, v => Assert.False(v.RequiresGrad));
    }

    [Theory]
    [InlineData(VeraProjection.Seed, 16)]
    [InlineData(VeraProjection.Stored, 18)]
    public void Saved_scales_and_a_seed_or_stored_matrices_give_the_same_bits(VeraProjection projection, int tensors)
    {
        using var folder = new TestFolder();
        var config = (VeraConfig)Config with { Projection = projection };
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        using var trained = Subject.Attach(backbone, "a", config, rng);
        Scramble(trained);
        using var scope = new TensorScope();
        if (projection == VeraProjection.Stored)
        {
            // Another library's matrices, which no seed of ours gives.
            trained.NamedBuffers().First().Buffer.Value.Mul_(1.5);
        }

        var path = folder.At("adapter.safetensors");
        var file = PackageWeights.Write(path, trained);
        using var fresh = Subject.Attach(backbone, "b", config, rng);
        PackageWeights.Read(path, fresh, file);

        using (var written = SafetensorsFile.Open(path))
        {
            Assert.Equal(tensors, written.Keys.Count);
        }

        var batch = TinyBackbones.Batch(1, 5, 4);
        TensorAssert.BitwiseEqual(Run(backbone, trained, batch).LastHiddenState, Run(backbone, fresh, batch).LastHiddenState);
    }

    [Fact]
    public void Another_seed_gives_another_update()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var scope = new TensorScope();
        var outputs = new[] { 0, 1 }.Select(seed =>
        {
            using var rng = new Rng(1, Device.Cpu);
            using var adapter = Subject.Attach(backbone, "a", (VeraConfig)Config with { ProjectionSeed = seed }, rng);
            Scramble(adapter);
            return Run(backbone, adapter, TinyBackbones.Batch(1, 5, 4)).LastHiddenState;
        }).ToList();

        TensorAssert.Differs(outputs[0], outputs[1]);
    }
}
