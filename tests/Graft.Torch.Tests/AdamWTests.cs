using System.Runtime.Intrinsics.X86;
using Graft.TestKit;
using Xunit;

namespace Graft.Torch.Tests;

public sealed class AdamWTests
{
    [Fact]
    public void Six_steps_with_absent_gradients_equal_those_of_Python_torch_bit_for_bit()
    {
        using var scope = new TensorScope();
        using var file = SafetensorsFile.Open(SharedData.Repository("tests/fixtures/engine/adamw.safetensors"));
        var weights = Enumerable.Range(0, 3).Select(i => new Parameter(file.Load($"init.{i}").Clone())).ToList();
        var first = new ParameterGroup("a", weights.Take(2), 1e-2, 0.1);
        var second = new ParameterGroup("b", weights.Skip(2), 3e-3);
        using var optimizer = new AdamW([first, second]);

        for (var step = 0; step < 6; step++)
        {
            first.LearningRate = 1e-2 * (6 - step) / 6;
            for (var i = 0; i < 3; i++)
            {
                weights[i].Value.Grad = file.Contains($"grad.{step}.{i}") ? file.Load($"grad.{step}.{i}").Clone() : null;
            }

            var norm = GradientClip.ClipNorm_(weights, 1);
            optimizer.Step();

            Assert.Equal(file.Load($"norm.{step}").ToDouble(), norm, 1e-6);
            for (var i = 0; i < 3; i++) AssertSame(file.Load($"weight.{step}.{i}"), weights[i].Value);
        }

        var state = optimizer.SaveState().ToDictionary(entry => entry.Name, entry => entry.Value);
        Assert.Equal([6, 4], state["a.steps"].ToArray<long>());
        AssertSame(file.Load("mean.1"), state["a.1.mean"]);
        AssertSame(file.Load("square.2"), state["b.0.square"]);
    }

    [Fact]
    public void A_restored_optimizer_takes_the_same_steps_bit_for_bit()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3);
        var grads = Enumerable.Range(0, 8).Select(_ => rng.Normal([4, 3])).ToList();
        var undisturbed = Run(grads, interruptAt: null);

        for (var stop = 0; stop < grads.Count; stop++) Assert.Equal(undisturbed, Run(grads, stop));
    }

    [Fact]
    public void State_of_another_shape_or_without_a_tensor_is_refused_in_one_sentence()
    {
        using var scope = new TensorScope();
        using var optimizer = new AdamW([new ParameterGroup("all", [new Parameter(Tensor.Ones([2]))], 0.1)]);

        Assert.Contains("'all.steps'", Assert.Throws<GraftException>(() => optimizer.LoadState(_ => null)).Message, StringComparison.Ordinal);
        var wrong = Assert.Throws<GraftException>(
            () => optimizer.LoadState(name => name == "all.steps" ? Tensor.From<long>([1]) : Tensor.Zeros([3])));
        Assert.Contains("other settings", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_groups_share_neither_name_nor_parameter()
    {
        using var scope = new TensorScope();
        var weight = new Parameter(Tensor.Ones([2]));
        using var optimizer = new AdamW([new ParameterGroup("a", [weight], 0.1)]);

        Assert.Throws<ArgumentException>(() => optimizer.AddGroup(new ParameterGroup("a", [], 0.1)));
        Assert.Throws<ArgumentException>(() => optimizer.AddGroup(new ParameterGroup("b", [weight], 0.1)));
    }

    [Fact]
    public void Clipping_scales_long_gradients_and_leaves_short_and_broken_ones()
    {
        using var scope = new TensorScope();
        var weights = new[] { new Parameter(Tensor.Zeros([2])), new Parameter(Tensor.Zeros([1])), new Parameter(Tensor.Zeros([1])) };
        weights[0].Value.Grad = Tensor.From<float>([3, 0]);
        weights[1].Value.Grad = Tensor.From<float>([4]);

        Assert.Equal(5, GradientClip.ClipNorm_(weights, 10), 1e-6);
        Assert.Equal([3, 0], weights[0].Value.Grad!.ToArray<float>());
        Assert.Equal(5, GradientClip.ClipNorm_(weights, 1), 1e-6);
        Assert.Equal(1, GradientClip.ClipNorm_(weights, double.PositiveInfinity), 1e-5);
        weights[1].Value.Grad = Tensor.From<float>([float.NaN]);
        Assert.Equal(double.NaN, GradientClip.ClipNorm_(weights, 1));
        Assert.Equal(0.6f, weights[0].Value.Grad!.ToArray<float>()[0], 1e-5f);
        Assert.Equal(0, GradientClip.ClipNorm_([weights[2]], 1));
    }

    [Fact]
    public void Schedules_have_the_published_values()
    {
        Assert.Equal([0, 0.5, 1, 0.75, 0.5, 0.25, 0, 0], Enumerable.Range(0, 8).Select(s => Schedules.Linear(2, 6)(s)));
        Assert.Equal([0, 0.5, 1, 1], Enumerable.Range(0, 4).Select(s => Schedules.Constant(2)(s)));
        Assert.Equal(0.5, Schedules.Cosine(10, 110)(60), 1e-12);
        Assert.Equal(0.8535533905932737, Schedules.Cosine(10, 110)(35), 1e-12);
        Assert.Equal(1, Schedules.Get("cosine", 0, 5)(0));
        Assert.Contains("linear, cosine, constant", Assert.Throws<GraftException>(() => Schedules.Get("linaer", 0, 1)).Message, StringComparison.Ordinal);
    }

    /// <summary>The fixture was computed with fused multiply-add; a processor without it rounds once more.</summary>
    private static void AssertSame(Tensor expected, Tensor actual)
    {
        if (Fma.IsSupported) Assert.Equal(expected.ToArray<float>(), actual.ToArray<float>());
        else Assert.True(actual.Detach().AllClose(expected, 1e-6));
    }

    private static float[] Run(List<Tensor> grads, int? interruptAt)
    {
        using var scope = new TensorScope();
        var weight = new Parameter(Tensor.Ones([4, 3]));
        AdamW Fresh() => new([new ParameterGroup("all", [weight], 0.05, 0.1)]);
        var optimizer = Fresh();
        for (var step = 0; step < grads.Count; step++)
        {
            if (step == interruptAt)
            {
                var state = optimizer.SaveState().ToDictionary(entry => entry.Name, entry => entry.Value.Clone());
                optimizer.Dispose();
                optimizer = Fresh();
                optimizer.LoadState(state.GetValueOrDefault);
            }

            weight.Value.Grad = grads[step].Clone();
            optimizer.Step();
        }

        optimizer.Dispose();
        var result = weight.Value.ToArray<float>();
        weight.Value.Dispose();
        return result;
    }
}
