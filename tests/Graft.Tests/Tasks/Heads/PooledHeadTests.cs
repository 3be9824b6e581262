using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Heads;

public sealed class PooledHeadTests
{
    private const int Width = 16;
    private const int Labels = 3;

    [Theory]
    [InlineData(Pooling.First, 1)]
    [InlineData(Pooling.First, 2)]
    [InlineData(Pooling.Pooler, 2)]
    [InlineData(Pooling.Mean, 1)]
    [InlineData(Pooling.Mean, 2)]
    public void The_logits_are_those_of_the_formula(Pooling pooling, int layers)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(5, Device.Cpu);
        using var head = new PooledHead(new PooledHeadConfig(TaskKind.Classification, Labels, pooling, Layers: layers), Width, rng);
        foreach (var parameter in head.Parameters())
        {
            parameter.Value.Copy_(rng.Normal(parameter.Value.Shape, 0, 0.5));
        }

        var hidden = rng.Normal([2, 4, Width], 0, 1);
        var pooled = rng.Normal([2, Width], 0, 1);
        var mask = Tensor.From(new float[] { 1, 1, 1, 1, 1, 1, 0, 0 }, 2, 4);

        var logits = head.Forward(new BackboneOutput(hidden, Pooled: pooled), mask).ToArray<float>();

        var (h, p) = (hidden.ToArray<float>(), pooled.ToArray<float>());
        var weights = head.NamedParameters().ToDictionary(w => w.Path, w => w.Parameter.Value.ToArray<float>());
        for (var row = 0; row < 2; row++)
        {
            var tokens = row == 0 ? 4 : 2;
            var features = Enumerable.Range(0, Width).Select(w => pooling switch
            {
                Pooling.First => h[row * 4 * Width + w],
                Pooling.Pooler => p[row * Width + w],
                _ => Enumerable.Range(0, tokens).Average(t => (double)h[(((row * 4) + t) * Width) + w]),
            }).ToArray();
            if (layers == 2)
            {
                features = [.. Linear(features, weights["hidden.weight"], weights["hidden.bias"]).Select(Math.Tanh)];
            }

            var expected = Linear(features, weights["weight"], weights["bias"]);
            Assert.All(Enumerable.Range(0, Labels), c => Assert.Equal(expected[c], logits[(row * Labels) + c], 1e-5));
        }

        static double[] Linear(double[] x, float[] weight, float[] bias) =>
            [.. bias.Select((b, o) => b + x.Select((value, i) => value * weight[(o * x.Length) + i]).Sum())];
    }

    [Fact]
    public void Dropout_acts_in_front_of_both_layers_while_training_only()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(5, Device.Cpu);
        using var head = new PooledHead(new PooledHeadConfig(TaskKind.Classification, Labels, Pooling.First, 0.5, Layers: 2), Width, rng);
        var output = new BackboneOutput(rng.Normal([2, 4, Width], 0, 1));

        var (one, same, other) = (Trained(1), Trained(1), Trained(2));

        TensorAssert.BitwiseEqual(one, same);
        Assert.NotEqual(one.ToArray<float>(), other.ToArray<float>());
        TensorAssert.BitwiseEqual(head.Forward(output, null), head.Forward(output, null));

        Tensor Trained(int seed)
        {
            using var dropout = new Rng(seed, Device.Cpu);
            return head.Forward(output, null, dropout);
        }
    }

    [Fact]
    public void Every_parameter_gets_a_gradient()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(5, Device.Cpu);
        using var head = new PooledHead(new PooledHeadConfig(TaskKind.Classification, Labels, Pooling.First, Layers: 2), Width, rng);
        var logits = head.Forward(new BackboneOutput(rng.Normal([2, 4, Width], 0, 1)), null);

        head.Loss(logits, Tensor.From(new long[] { 0, 2 }, 2)).Backward();

        Assert.Equal(["hidden.bias", "hidden.weight", "bias", "weight"], head.NamedParameters().Select(p => p.Path).OrderBy(p => !p.StartsWith("hidden", StringComparison.Ordinal)).ThenBy(p => p));
        Assert.All(head.Parameters(), p => Assert.True(p.Value.Grad!.Abs().Sum().ToArray<float>()[0] > 0));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void Another_number_of_layers_is_refused(int layers) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PooledHeadConfig(TaskKind.Classification, Labels, Layers: layers));
}
