using Xunit;

namespace Graft.Torch.Tests;

public sealed class ModuleTests
{
    [Fact]
    public void Paths_join_keys_in_the_order_in_which_they_were_added()
    {
        using var net = new TinyNetwork();

        Assert.Equal(["first.weight", "frozen", "top.weight", "top.bias"], net.NamedParameters().Select(p => p.Path));
        Assert.Equal(["shift"], net.NamedBuffers().Select(b => b.Path));
        Assert.Equal(24 + 3 + 12 + 2, net.ParameterCount);
    }

    [Fact]
    public void A_taken_key_is_refused()
    {
        using var net = new TinyNetwork();

        Assert.Contains("'frozen'", Assert.Throws<ArgumentException>(() => net.Again("frozen")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Converting_changes_floating_tensors_and_keeps_what_trains()
    {
        using var net = new TinyNetwork();

        net.ConvertTo(DType.Float64);

        Assert.All(net.Parameters(), p => Assert.Equal(DType.Float64, p.Value.DType));
        Assert.All(net.NamedBuffers(), b => Assert.Equal(DType.Float64, b.Buffer.Value.DType));
        Assert.Equal([true, false, true, true], net.Parameters().Select(p => p.Value.RequiresGrad));
        Assert.Throws<ArgumentException>(() => net.ConvertTo(DType.Int64));
    }

    [Fact]
    public void Freezing_drops_the_gradient_and_stops_its_flow()
    {
        using var scope = new TensorScope();
        using var net = new TinyNetwork();
        using var rng = new Rng(1);
        net.Forward(Tensor.Ones([2, 4]), rng).Sum().Backward();
        Assert.NotNull(net.First.Value.Grad);

        net.First.Trainable = false;
        net.Forward(Tensor.Ones([2, 4]), rng).Sum().Backward();

        Assert.Null(net.First.Value.Grad);
    }

    [Fact]
    public void Values_are_assigned_in_place_and_only_in_the_same_shape()
    {
        using var scope = new TensorScope();
        using var net = new TinyNetwork();

        net.First.Assign(Tensor.Full([6, 4], 2));

        Assert.Equal(48, net.First.Value.Sum().ToDouble());
        Assert.True(net.First.Value.RequiresGrad);
        Assert.Throws<ShapeException>(() => net.First.Assign(Tensor.Ones([1, 4])));
    }
}
