using Graft.Torch;
using Xunit;

namespace Graft.TestKit;

// The start, gradients and training.
public abstract partial class PeftMethodConformance
{
    [Theory, MemberData(nameof(Backbones))]
    public void The_start_is_the_backbone_bitwise_where_the_method_promises_it(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Whole(backbone, TinyBackbones.Batch(1, s_lengths));
        var plain = TinyBackbones.States(backbone.Forward(batch));

        foreach (var task in adapter.Tasks.Cast<string?>().DefaultIfEmpty(null))
        {
            var adapted = RunTask(backbone, adapter, batch, task);

            if (Subject.IsIdentityAtStart(Config))
            {
                TensorAssert.BitwiseEqual(plain, adapted);
            }
            else
            {
                TensorAssert.Differs(plain, adapted);
            }
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Training_lowers_the_loss_and_leaves_the_backbone_bitwise_as_it_was(string name)
    {
        using var backbone = TinyBackbones.Create(name, dropout: 0.1);
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        var before = backbone.NamedParameters().Select(p => p.Parameter.Value.Clone()).ToList();

        var start = EvaluationLoss(backbone, adapter);
        var losses = Train(backbone, adapter, steps: 40);

        foreach (var (expected, (path, parameter)) in before.Zip(backbone.NamedParameters()))
        {
            Assert.False(parameter.Value.RequiresGrad, path);
            TensorAssert.BitwiseEqual(expected, parameter.Value);
        }

        Assert.All(losses, l => Assert.True(double.IsFinite(l)));
        if (adapter.NamedParameters().Any())
        {
            var end = EvaluationLoss(backbone, adapter);
            Assert.True(end < start, $"The loss on the training batches went from {start} to {end}.");
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Training_changes_every_trainable_parameter(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        var before = adapter.NamedParameters().Select(p => p.Parameter.Value.Detach().Clone()).ToList();

        Train(backbone, adapter, steps: 5, weightDecay: 0);

        foreach (var (old, (path, parameter)) in before.Zip(adapter.NamedParameters()))
        {
            var changed = !old.Bytes().SequenceEqual(parameter.Value.Detach().Contiguous().Bytes());
            Assert.True(changed == ReceivesGradient(path, parameter), $"{path}: changed = {changed}.");
        }
    }

    /// <summary>Whether a parameter takes part in the loss of this suite; all trainable ones unless a method knows better.</summary>
    protected virtual bool ReceivesGradient(string path, Parameter parameter) => parameter.Trainable;

    /// <summary>Whether a parameter's gradient is the derivative of the loss; not so for straight-through estimates.</summary>
    protected virtual bool HasExactGradient(string path) => true;

    [Theory, MemberData(nameof(Backbones))]
    public void Gradients_equal_finite_differences(string name)
    {
        using var backbone = TinyBackbones.Create(name, DType.Float64);
        using var adapter = Attach(backbone);
        adapter.ConvertTo(DType.Float64);
        Scramble(adapter);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(2, 5, 3, 4);
        if (!adapter.NamedParameters().Any())
        {
            return;
        }

        TrainingLoss(backbone, adapter, batch).Backward();

        foreach (var (path, parameter) in adapter.NamedParameters().Where(p => p.Parameter.Trainable))
        {
            if (parameter.Value.Grad is not { } gradient)
            {
                Assert.False(ReceivesGradient(path, parameter), $"{path} has no gradient.");
                continue;
            }

            if (!HasExactGradient(path))
            {
                continue;
            }

            var values = parameter.Value.Detach().ToArray<double>();
            var analytic = gradient.Contiguous().ToArray<double>();
            var element = new Random(3).Next(values.Length);
            if (Array.FindIndex(analytic, element, g => g != 0) is var next and >= 0)
            {
                element = next;
            }

            const double Step = 1e-5;
            var plus = Shifted(Step);
            var minus = Shifted(-Step);
            var numeric = (plus - minus) / (2 * Step);
            Assert.True(
                Math.Abs(numeric - analytic[element]) <= 1e-7 + (1e-4 * Math.Abs(numeric)),
                $"{path}[{element}]: gradient {analytic[element]:G9}, by finite differences {numeric:G9}.");

            double Shifted(double by)
            {
                using var inner = new TensorScope();
                using var frozen = Autograd.NoGrad();
                var flat = parameter.Value.View(-1);
                flat.Select(0, element).Add_(by);
                var loss = TrainingLoss(backbone, adapter, batch).ToDouble();
                flat.Select(0, element).Fill_(values[element]);
                return loss;
            }
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Weights_in_bfloat16_are_adapted_by_parameters_in_float32(string name)
    {
        using var backbone = TinyBackbones.Create(name, DType.BFloat16);
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Whole(backbone, TinyBackbones.Batch(10, s_lengths));
        var started = RunTask(backbone, adapter, batch, adapter.Tasks is [var first, ..] ? first : null);
        Assert.Equal(DType.BFloat16, started.DType);
        if (Subject.IsIdentityAtStart(Config))
        {
            TensorAssert.BitwiseEqual(TinyBackbones.States(backbone.Forward(batch)), started);
        }

        Scramble(adapter);
        if (!adapter.NamedParameters().Any())
        {
            return;
        }

        TrainingLoss(backbone, adapter, batch).Backward();

        foreach (var (path, parameter) in adapter.NamedParameters().Where(p => p.Parameter.Trainable && ReceivesGradient(p.Path, p.Parameter)))
        {
            Assert.Equal(DType.Float32, parameter.Value.DType);
            Assert.True(parameter.Value.Grad is { } gradient && double.IsFinite(gradient.Abs().Max().ToDouble()), path);
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void The_same_seed_gives_the_same_bits(string name)
    {
        using var scope = new TensorScope();
        var runs = Enumerable.Range(0, 2).Select(_ =>
        {
            using var backbone = TinyBackbones.Create(name, dropout: 0.1);
            using var adapter = Attach(backbone);
            Train(backbone, adapter, steps: 3);
            return adapter.NamedParameters().Select(p => Convert.ToHexString(p.Parameter.Value.Detach().Contiguous().Bytes())).ToList();
        }).ToList();

        Assert.Equal(runs[0], runs[1]);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Nothing_stays_alive_after_training(string name)
    {
        var before = LeakCheck.Settled();
        using (var backbone = TinyBackbones.Create(name, dropout: 0.1))
        using (var adapter = Attach(backbone))
        {
            Train(backbone, adapter, steps: 2);
        }

        Assert.Equal(before, LiveTensors.Count);
    }
}
