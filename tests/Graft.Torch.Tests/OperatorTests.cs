using System.Reflection;
using Xunit;

namespace Graft.Torch.Tests;

public sealed class OperatorTests
{
    [Fact]
    public void A_linear_map_gives_the_known_numbers()
    {
        using var scope = new TensorScope();
        var x = Tensor.From<float>([1, 2, 3, 4], 2, 2);
        var weight = Tensor.From<float>([1, 0, 0, 1, 1, 1], 3, 2);
        var bias = Tensor.From<float>([10, 20, 30]);

        var y = F.Linear(x, weight, bias);

        Assert.Equal([2, 3], y.Shape.ToArray());
        Assert.Equal([11, 22, 33, 13, 24, 37], y.ToArray<float>());
    }

    [Fact]
    public void Missing_trailing_arguments_take_the_defaults_of_the_schema()
    {
        using var scope = new TensorScope();
        var add = new Op("aten::add", "Tensor");
        var x = Tensor.From<float>([1, 2]);

        Assert.Equal([2, 4], add.Call(x, x).ToArray<float>());
        Assert.Equal([4, 8], add.Call(x, x, 3).ToArray<float>());
        Assert.Equal([4, 8], add.Call(x, x, 3.0).ToArray<float>());
    }

    [Fact]
    public void An_unknown_operator_is_found_missing_and_its_call_names_it()
    {
        Assert.Null(Op.Find("aten::no_such_operator"));

        var fault = Assert.Throws<TorchException>(() => new Op("aten::no_such_operator").Call(1));

        Assert.Equal("aten::no_such_operator", fault.Operator);
    }

    [Fact]
    public void Every_operator_that_the_engine_names_exists_but_those_that_are_looked_up()
    {
        var optional = new HashSet<string> { "aten::scaled_dot_product_attention" };
        var fields = typeof(Tensor).Assembly.GetTypes()
            .SelectMany(t => t.GetFields(BindingFlags.Static | BindingFlags.NonPublic))
            .Where(f => f.FieldType == typeof(Op));

        var operators = fields.Select(f => (Op)f.GetValue(null)!).ToList();

        Assert.True(operators.Count > 100);
        Assert.Empty(operators.Where(op => !op.IsAvailable && !optional.Contains(op.Name)).Select(op => op.ToString()));
    }

    [Fact]
    public void Shapes_that_do_not_fit_give_a_shape_exception_that_names_operator_and_shapes()
    {
        using var scope = new TensorScope();
        var x = Tensor.Zeros([2, 3]);

        var fault = Assert.Throws<ShapeException>(() => x.MatMul(x));

        Assert.Equal("aten::matmul", fault.Operator);
        Assert.Contains("[2, 3] Float32", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_results_and_tensor_lists_come_back_in_order()
    {
        using var scope = new TensorScope();
        var x = Tensor.From<float>([3, 1, 2, 9, 7, 8], 2, 3);

        var (values, indices) = x.Max(1);
        var parts = x.Split(2, 1);
        var (sorted, order) = x.Sort();

        Assert.Equal([3, 9], values.ToArray<float>());
        Assert.Equal([0, 0], indices.ToArray<long>());
        Assert.Equal([2, 1], parts.Select(p => p.Size(1)));
        Assert.Equal([1, 2, 3, 7, 8, 9], sorted.ToArray<float>());
        Assert.Equal([1, 2, 0, 1, 2, 0], order.ToArray<long>());
    }

    [Fact]
    public void The_largest_elements_are_the_same_in_any_order()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3);
        var x = rng.Normal([4, 1000]);

        var (values, sorted) = x.TopK(300, 1);
        var (_, unsorted) = x.TopK(300, 1, sorted: false);

        Assert.True(values.ElementsEqual(values.Sort(1, descending: true).Values));
        Assert.True(sorted.Sort(1).Values.ElementsEqual(unsorted.Sort(1).Values));
    }

    [Fact]
    public void Bits_in_common_are_those_of_each_element()
    {
        using var scope = new TensorScope();

        var both = Tensor.From<byte>([0b1100, 0b0111, 255], 3, 1).BitAnd(Tensor.From<byte>([0b1010, 1], 1, 2));

        Assert.Equal([0b1000, 0, 0b0010, 1, 0b1010, 1], both.ToArray<byte>());
    }

    [Fact]
    public void Absent_optional_tensors_in_a_list_select_whole_dimensions()
    {
        using var scope = new TensorScope();
        var x = Tensor.Arange(6).View(2, 3);

        Assert.Equal([1, 0, 4, 3], x.Index(null, Tensor.From<long>([1, 0])).ToArray<long>());
    }

    [Fact]
    public void A_long_list_of_tensors_crosses_the_border()
    {
        using var scope = new TensorScope();
        var parts = Enumerable.Range(0, 500).Select(i => Tensor.Full([1], i)).ToList();

        Assert.Equal(Enumerable.Range(0, 500).Select(i => (float)i), Tensor.Cat(parts).ToArray<float>());
    }

    [Fact]
    public void Integers_stay_integers_under_integer_arithmetic()
    {
        using var scope = new TensorScope();
        var x = Tensor.Arange(3);

        Assert.Equal(DType.Int64, (x + 1).DType);
        Assert.Equal(DType.Int64, (2 * x).DType);
        Assert.Equal(DType.Float32, (x / 2.0).DType);
        Assert.Equal([5, 4, 3], (5 - x).ToArray<long>());
    }

    [Fact]
    public void Fused_attention_equals_the_written_out_one_where_libtorch_has_it()
    {
        using var scope = new TensorScope();
        using var rng = new Rng(4);
        var (q, k, v) = (rng.Normal([2, 3, 5, 4]), rng.Normal([2, 3, 6, 4]), rng.Normal([2, 3, 6, 4]));
        var mask = rng.Normal([2, 1, 1, 6]);
        var fused = F.ScaledDotProductAttention(q, k, v, mask);
        if (fused is null) Assert.Skip($"libtorch {TorchRuntime.Version} has no fused attention");

        Assert.True(fused.AllClose(((q.MatMul(k.Transpose(2, 3)) / 2.0) + mask).Softmax(-1).MatMul(v), 1e-4, 1e-5));
    }

    [Fact]
    public void The_same_operator_serves_many_threads()
    {
        var failures = 0;
        var threads = Enumerable.Range(0, 4).Select(n => new Thread(() =>
        {
            for (var i = 0; i < 500; i++)
            {
                using var scope = new TensorScope();
                var y = F.Linear(Tensor.Full([4, 4], n), Tensor.Ones([4, 4]));
                if (y.Sum().ToDouble() != n * 64) Interlocked.Increment(ref failures);
            }
        })).ToList();

        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        Assert.Equal(0, failures);
    }
}
