using Xunit;

namespace Graft.Torch.Tests;

/// <summary>Counts tensors of the whole process, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(LifetimeTests), DisableParallelization = true)]
[Collection(nameof(LifetimeTests))]
public sealed class LifetimeTests
{
    /// <summary>Waits for what other tests left to the finalizer, which would count as disposed in the midst of these.</summary>
    public LifetimeTests()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Fact]
    public void A_scope_disposes_what_was_made_inside_and_not_what_was_kept()
    {
        var before = LiveTensors.Count;
        Tensor kept;
        Tensor lost;
        using (var scope = new TensorScope())
        {
            lost = Tensor.Ones([2]);
            kept = scope.Keep(lost + 1);
        }

        Assert.True(lost.IsDisposed);
        Assert.Equal([2, 2], kept.ToArray<float>());
        Assert.Equal(before + 1, LiveTensors.Count);
        kept.Dispose();
        Assert.Equal(before, LiveTensors.Count);
        Assert.Throws<ObjectDisposedException>(() => lost + 1);
    }

    [Fact]
    public void A_kept_tensor_moves_out_one_scope_at_a_time()
    {
        using var outer = new TensorScope();
        Tensor x;
        using (var middle = new TensorScope())
        {
            using (var inner = new TensorScope()) x = inner.Keep(Tensor.Ones([1]));
            Assert.False(x.IsDisposed);
        }

        Assert.True(x.IsDisposed);
    }

    [Fact]
    public void Keeping_a_tensor_of_an_outer_scope_leaves_it_there()
    {
        var before = LiveTensors.Count;
        using (var outer = new TensorScope())
        {
            var x = Tensor.Ones([1]);
            using (var inner = new TensorScope()) inner.Keep(x);
            Assert.False(x.IsDisposed);
        }

        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void A_scope_closed_out_of_order_is_refused()
    {
        var outer = new TensorScope();
        var inner = new TensorScope();
        var refused = false;
        try
        {
            outer.Dispose();
        }
        catch (InvalidOperationException)
        {
            refused = true;
        }

        inner.Dispose();
        outer.Dispose();
        Assert.True(refused);
    }

    [Fact]
    public void A_scope_of_one_thread_does_not_see_the_tensors_of_another()
    {
        Tensor? other = null;
        using (var scope = new TensorScope())
        {
            var thread = new Thread(() => other = Tensor.Ones([1]));
            thread.Start();
            thread.Join();
        }

        Assert.False(other!.IsDisposed);
        other.Dispose();
    }

    [Fact]
    public void An_unscoped_tensor_belongs_to_the_caller()
    {
        Tensor x;
        using (var scope = new TensorScope()) x = Tensor.Ones([1]).Unscoped();

        Assert.False(x.IsDisposed);
        x.Dispose();
    }

    [Fact]
    public void A_failing_operator_leaves_no_tensor_behind()
    {
        var before = LiveTensors.Count;
        using (var scope = new TensorScope())
        {
            var x = Tensor.Zeros([2, 3]);
            for (var i = 0; i < 10; i++) Assert.Throws<ShapeException>(() => x.MatMul(x));
        }

        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void A_module_disposes_what_it_owns_once()
    {
        var before = LiveTensors.Count;
        var net = new TinyNetwork();
        Assert.Equal(before + 5, LiveTensors.Count);

        net.Dispose();
        net.Dispose();

        Assert.Equal(before, LiveTensors.Count);
    }

    [Fact]
    public void The_number_of_live_tensors_is_constant_over_a_thousand_training_steps()
    {
        var before = LiveTensors.Count;
        using (var net = new TinyNetwork())
        using (var rng = new Rng(5))
        using (var optimizer = new AdamW([new ParameterGroup("all", net.Parameters(), 1e-2)]))
        {
            var counts = new HashSet<long>();
            var losses = new List<double>();
            for (var step = 0; step < 1000; step++)
            {
                using (var scope = new TensorScope())
                {
                    var x = rng.Normal([8, 4]);
                    var loss = F.CrossEntropy(net.Forward(x, rng), x.Narrow(1, 0, 2).ArgMax(1));
                    loss.Backward();
                    GradientClip.ClipNorm_(net.Parameters(), 1);
                    optimizer.Step();
                    optimizer.ZeroGrad();
                    losses.Add(loss.ToDouble());
                }

                counts.Add(LiveTensors.Count);
            }

            Assert.Single(counts);
            Assert.True(losses.TakeLast(100).Average() < losses.Take(20).Average() / 2);
        }

        Assert.Equal(before, LiveTensors.Count);
    }
}
