using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Graft.Torch.Tests;

public sealed class AutogradTests
{
    public static TheoryData<string> Functions => [.. s_functions.Keys];

    private static readonly Dictionary<string, Func<Tensor, Tensor, Tensor>> s_functions = new()
    {
        ["add"] = (x, w) => x + w.Select(0, 0),
        ["product"] = (x, w) => x * w.Narrow(0, 0, 1),
        ["quotient"] = (x, w) => x / (w.Select(0, 1).Square() + 1),
        ["inverse"] = (x, w) => 2 / (x.Square() + w.Select(0, 1).Square() + 1),
        ["linear"] = (x, w) => F.Linear(x, w),
        ["matmul"] = (x, w) => x.MatMul(w.Transpose(0, 1)),
        ["layer norm"] = (x, w) => F.LayerNorm(x, w.Select(0, 0), w.Select(0, 1)),
        ["gelu"] = (x, w) => F.Linear(x, w).Gelu(),
        ["gelu tanh"] = (x, w) => F.Linear(x, w).Gelu(tanh: true),
        ["tanh"] = (x, w) => F.Linear(x, w).Tanh(),
        ["silu"] = (x, w) => F.Linear(x, w).Silu(),
        ["softmax"] = (x, w) => F.Linear(x, w).Softmax(-1),
        ["log sum exp"] = (x, w) => F.Linear(x, w).LogSumExp(-1),
        ["cross entropy"] = (x, w) => F.CrossEntropy(F.Linear(x, w), Tensor.From<long>([0, 2, 1]), 0.1),
        ["binary cross entropy"] = (x, w) => F.BinaryCrossEntropyWithLogits(F.Linear(x, w), Tensor.Full([3, 5], 0.3, DType.Float64)),
        ["mean square"] = (x, w) => F.MseLoss(x, w.Narrow(0, 0, 3)),
        ["views"] = (x, w) => Tensor.Cat([x.View(2, 6).Permute(1, 0).Reshape(4, 3), w.Narrow(0, 0, 3).Transpose(0, 1)], 1),
        ["index"] = (x, w) => w.IndexSelect(0, Tensor.From<long>([4, 0, 4])) * x,
        ["embedding"] = (x, w) => F.Embedding(w, Tensor.From<long>([1, 1, 3])) + x,
        ["norm"] = (x, w) => x.Norm(-1) + w.Norm(),
        ["einsum"] = (x, w) => Tensor.Einsum("bi,oi->bo", x, w),
    };

    [Theory]
    [MemberData(nameof(Functions))]
    public void Gradients_equal_finite_differences(string name)
    {
        var function = s_functions[name];

        Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed => Differ(function, seed) < 1e-6).Check(Config.QuickThrowOnFailure.WithMaxTest(10).WithQuietOnSuccess(true));
    }

    [Theory]
    [InlineData(DType.BFloat16, 0.01)]
    [InlineData(DType.Float16, 0.002)]
    public void A_layer_norm_in_half_precision_is_that_of_doubles_rounded(DType dtype, double tolerance)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(4);
        var x = rng.Normal([7, 33], 5, 3).To(dtype);
        x.RequiresGrad = true;
        var gain = rng.Normal([33], 1, 0.1).To(dtype);
        var shift = rng.Normal([33]).To(dtype);
        var exact = x.Detach().To(DType.Float64);
        exact.RequiresGrad = true;

        var y = F.LayerNorm(x, gain, shift);
        var expected = F.LayerNorm(exact, gain.To(DType.Float64), shift.To(DType.Float64));
        (y.To(DType.Float64) * Tensor.Arange(0, 33, 1, DType.Float64)).Sum().Backward();
        (expected * Tensor.Arange(0, 33, 1, DType.Float64)).Sum().Backward();

        Assert.Equal(dtype, y.DType);
        Assert.True((y.To(DType.Float64) - expected).Abs().Max().ToDouble() < tolerance * 4);
        Assert.True((x.Grad!.To(DType.Float64) - exact.Grad!).Abs().Max().ToDouble() < tolerance * exact.Grad!.Abs().Max().ToDouble());
    }

    [Fact]
    public void Backward_adds_to_gradients_and_grad_does_not()
    {
        using var scope = new TensorScope();
        var x = Tensor.From<float>([1, 2, 3]);
        x.RequiresGrad = true;

        x.Square().Sum().Backward();
        x.Square().Sum().Backward();
        var grads = Autograd.Grad(x.Square().Sum(), [x]);

        Assert.Equal([4, 8, 12], x.Grad!.ToArray<float>());
        Assert.Equal([2, 4, 6], grads[0]!.ToArray<float>());
    }

    [Fact]
    public void An_unused_input_is_an_error_unless_allowed()
    {
        using var scope = new TensorScope();
        var x = Tensor.Ones([1]);
        var y = Tensor.Ones([1]);
        x.RequiresGrad = y.RequiresGrad = true;

        Assert.Throws<TorchException>(() => Autograd.Grad(x.Sum(), [x, y]));
        Assert.Null(Autograd.Grad(x.Sum(), [x, y], allowUnused: true)[1]);
    }

    [Fact]
    public void Second_derivatives_flow_through_a_created_graph()
    {
        using var scope = new TensorScope();
        var x = Tensor.Scalar(3, DType.Float64);
        x.RequiresGrad = true;

        var first = Autograd.Grad(x.Pow(3), [x], createGraph: true)[0]!;
        var second = Autograd.Grad(first, [x])[0]!;

        Assert.Equal(27, first.ToDouble(), 1e-12);
        Assert.Equal(18, second.ToDouble(), 1e-12);
    }

    [Fact]
    public void Regions_nest_restore_the_mode_and_belong_to_their_thread()
    {
        Assert.True(Autograd.IsEnabled);
        using (Autograd.NoGrad())
        {
            Assert.False(Autograd.IsEnabled);
            using (Autograd.WithGrad()) Assert.True(Autograd.IsEnabled);
            Assert.False(Autograd.IsEnabled);
            var elsewhere = false;
            var thread = new Thread(() => elsewhere = Autograd.IsEnabled);
            thread.Start();
            thread.Join();
            Assert.True(elsewhere);
        }

        Assert.True(Autograd.IsEnabled);
    }

    [Fact]
    public void Detached_and_quiet_results_require_no_gradient()
    {
        using var scope = new TensorScope();
        var x = Tensor.Ones([2]);
        x.RequiresGrad = true;

        Assert.True((x * 2).RequiresGrad);
        Assert.False((x * 2).Detach().RequiresGrad);
        using var quiet = Autograd.NoGrad();
        Assert.False((x * 2).RequiresGrad);
    }

    /// <summary>The worst difference between the gradient and central differences, over both arguments.</summary>
    private static double Differ(Func<Tensor, Tensor, Tensor> function, int seed)
    {
        const double Step = 1e-6;
        using var scope = new TensorScope();
        using var rng = new Rng(seed);
        Tensor[] inputs = [rng.Normal([3, 4], dtype: DType.Float64), rng.Normal([5, 4], dtype: DType.Float64)];
        foreach (var input in inputs) input.RequiresGrad = true;
        var direction = Detached(() => rng.Normal(function(inputs[0], inputs[1]).Shape, dtype: DType.Float64));
        var grads = Autograd.Grad((function(inputs[0], inputs[1]) * direction).Sum(), inputs, allowUnused: true);
        var worst = 0.0;
        for (var i = 0; i < inputs.Length; i++)
        {
            if (grads[i] is not { } grad) continue;
            var toward = rng.Normal(inputs[i].Shape, dtype: DType.Float64);
            double At(double distance)
            {
                using var inner = new TensorScope();
                using var quiet = Autograd.NoGrad();
                var moved = inputs.ToArray();
                moved[i] = inputs[i].AddScaled(toward, distance);
                return (function(moved[0], moved[1]) * direction).Sum().ToDouble();
            }

            var numeric = (At(Step) - At(-Step)) / (2 * Step);
            var exact = (grad * toward).Sum().ToDouble();
            worst = Math.Max(worst, Math.Abs(numeric - exact) / (1 + Math.Abs(exact)));
        }

        return worst;
    }

    private static Tensor Detached(Func<Tensor> make)
    {
        using var quiet = Autograd.NoGrad();
        return make();
    }
}
