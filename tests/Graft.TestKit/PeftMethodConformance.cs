using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Torch;
using Xunit;

namespace Graft.TestKit;

/// <summary>
/// What every method must keep, whatever it computes. A method's test class inherits this suite, names the method, and adds what is
/// particular to it. What a method cannot do (merge, start as the identity) is read from the method, never from a list of skips.
/// </summary>
public abstract class PeftMethodConformance
{
    private static readonly int[] s_lengths = [7, 4, 7, 5, 3, 6];

    /// <summary>The method under test.</summary>
    protected abstract string Method { get; }

    /// <summary>Settings that suit a model of width 16; the defaults unless overridden.</summary>
    protected virtual JsonObject Settings => [];

    /// <summary>The tasks the adapter holds; none for single-task methods.</summary>
    protected virtual IReadOnlyList<string> Tasks => [];

    /// <summary>The learning rate of the suite's short trainings.</summary>
    protected virtual double LearningRate => 1e-2;

    protected PeftMethod Subject => PeftMethods.Get(Method);

    protected PeftConfig Config => Subject.ReadConfig(Settings, "test");

    public static TheoryData<string> Backbones => TinyBackbones.Names;

    [Theory, MemberData(nameof(Backbones))]
    public void Parameters_by_formula_equal_parameters_by_counting(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);

        var counted = adapter.NamedParameters().Where(p => p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count);

        Assert.Equal(Subject.CountParameters(Config, backbone.Sites, Math.Max(1, Tasks.Count)), counted);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void The_start_is_the_backbone_bitwise_where_the_method_promises_it(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(1, s_lengths);

        var plain = backbone.Forward(batch).LastHiddenState;
        var adapted = Run(backbone, adapter, batch).LastHiddenState;

        if (Subject.IsIdentityAtStart(Config))
        {
            TensorAssert.BitwiseEqual(plain, adapted);
        }
        else
        {
            TensorAssert.Differs(plain, adapted);
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
        var losses = Train(backbone, adapter, steps: 20);

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

        Loss(backbone, adapter, batch, null).Backward();

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
                var loss = Loss(backbone, adapter, batch, null).ToDouble();
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
        var batch = TinyBackbones.Batch(10, s_lengths);
        var started = Run(backbone, adapter, batch).LastHiddenState;
        Assert.Equal(DType.BFloat16, started.DType);
        if (Subject.IsIdentityAtStart(Config))
        {
            TensorAssert.BitwiseEqual(backbone.Forward(batch).LastHiddenState, started);
        }

        Scramble(adapter);
        if (!adapter.NamedParameters().Any())
        {
            return;
        }

        Loss(backbone, adapter, batch, null).Backward();

        foreach (var (path, parameter) in adapter.NamedParameters().Where(p => p.Parameter.Trainable && ReceivesGradient(p.Path, p.Parameter)))
        {
            Assert.Equal(DType.Float32, parameter.Value.DType);
            Assert.True(parameter.Value.Grad is { } gradient && double.IsFinite(gradient.Abs().Max().ToDouble()), path);
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Rows_without_an_adapter_are_the_backbone_bitwise(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(4, s_lengths);
        var plain = backbone.Forward(batch).LastHiddenState;

        TensorAssert.BitwiseEqual(plain, new AdaptedModel(backbone).Forward(batch, adapter: null).Output.LastHiddenState);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Rows_of_several_adapters_and_methods_in_one_batch_equal_each_alone(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var first = Attach(backbone, seed: 1);
        using var second = Attach(backbone, seed: 2);
        using var rng = new Rng(3, Device.Cpu);
        using var lora = PeftMethods.Get("lora").Attach(backbone, "other", PeftMethods.Get("lora").Defaults, rng);
        Array.ForEach([first, second, lora], a => Scramble(a));
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(5, s_lengths);
        var task = Tasks.Count > 0 ? Tasks[0] : null;
        RowAdapter[] rows =
            [new(first, task), new(lora), new(second, Tasks.Count > 1 ? Tasks[1] : task), new(null), new(first, task), new(lora)];

        var mixed = new AdaptedModel(backbone).Forward(batch, rows).Output.LastHiddenState;

        for (var i = 0; i < rows.Length; i++)
        {
            var alone = new AdaptedModel(backbone).Forward(TinyBackbones.Rows(batch, i, 1), [rows[i]]).Output.LastHiddenState;
            TensorAssert.Close(alone.Narrow(1, 0, s_lengths[i]), mixed.Narrow(0, i, 1).Narrow(1, 0, s_lengths[i]));
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Padding_does_not_change_an_answer_unless_the_method_says_so(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(6, 7, 4);
        var shortRow = new BackboneInput(batch.InputIds.Narrow(0, 1, 1).Narrow(1, 0, 4));

        var padded = Run(backbone, adapter, TinyBackbones.Rows(batch, 1, 1)).LastHiddenState.Narrow(1, 0, 4);

        var unpadded = Run(backbone, adapter, shortRow).LastHiddenState;
        if (Subject.ReadsPadding(Config))
        {
            Assert.ThrowsAny<Exception>(() => TensorAssert.Close(unpadded, padded));
        }
        else
        {
            TensorAssert.Close(unpadded, padded);
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Two_threads_with_different_adapters_do_not_disturb_each_other(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var first = Attach(backbone, seed: 1);
        using var second = Attach(backbone, seed: 2);
        Array.ForEach([first, second], a => Scramble(a));
        using var batch = TinyBackbones.Batch(7, 6, 6).InputIds;
        var expected = new[] { first, second }.Select(a => Bits(backbone, a, batch)).ToArray();

        Parallel.For(0, 16, i => Assert.Equal(expected[i % 2], Bits(backbone, i % 2 == 0 ? first : second, batch)));
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
    public void Parameters_copied_by_name_into_a_new_adapter_give_the_same_bits(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var trained = Attach(backbone, seed: 1);
        using var fresh = Attach(backbone, seed: 99);
        Scramble(trained);
        using var scope = new TensorScope();
        var state = trained.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
        using (Autograd.NoGrad())
        {
            foreach (var (path, parameter) in fresh.NamedParameters())
            {
                parameter.Value.Copy_(state[path]);
            }
        }

        var batch = TinyBackbones.Batch(8, s_lengths);
        TensorAssert.BitwiseEqual(Run(backbone, trained, batch).LastHiddenState, Run(backbone, fresh, batch).LastHiddenState);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Merged_weights_give_the_same_answers_and_unmerging_restores_the_bits(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Train(backbone, adapter, steps: 5);
        using var scope = new TensorScope();
        var probe = TinyBackbones.Batch(9, s_lengths);
        var before = backbone.NamedParameters().Select(p => p.Parameter.Value.Clone()).ToList();
        if (!WeightMerger.CanMerge(adapter, backbone))
        {
            var error = Assert.Throws<GraftException>(() => WeightMerger.Merge(backbone, adapter, probe));
            Assert.Contains(Method, error.Message, StringComparison.Ordinal);
            return;
        }

        var adapted = Run(backbone, adapter, probe).LastHiddenState;
        var merger = WeightMerger.Merge(backbone, adapter, probe);
        TensorAssert.Close(adapted, backbone.Forward(probe).LastHiddenState);
        merger.Unmerge();

        foreach (var (expected, (_, parameter)) in before.Zip(backbone.NamedParameters()))
        {
            TensorAssert.BitwiseEqual(expected, parameter.Value);
        }
    }

    [Fact]
    public void Settings_survive_a_round_trip_and_an_empty_object_gives_the_defaults()
    {
        Assert.Equal(Subject.Defaults, Subject.ReadConfig([], "test"));
        Assert.Equal(Config, Subject.ReadConfig(Subject.WriteConfig(Config), "test"));
    }

    [Fact]
    public void An_unknown_setting_is_refused_by_name()
    {
        var settings = new JsonObject { ["rnak"] = 4 };

        var error = Assert.Throws<GraftException>(() => Subject.ReadConfig(settings, "recipe.json"));

        Assert.Contains("recipe.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("rnak", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Nothing_stays_alive_after_training(string name)
    {
        var before = LiveTensors.Count;
        using (var backbone = TinyBackbones.Create(name, dropout: 0.1))
        using (var adapter = Attach(backbone))
        {
            Train(backbone, adapter, steps: 2);
        }

        Assert.Equal(before, LiveTensors.Count);
    }

    protected Adapter Attach(Backbone backbone, int seed = 1)
    {
        using var rng = new Rng(seed, Device.Cpu);
        return Subject.Attach(backbone, "test", Config, rng, Tasks);
    }

    /// <summary>The output for a batch; adapters of several tasks get its rows in turn.</summary>
    protected BackboneOutput Run(Backbone backbone, Adapter adapter, BackboneInput batch, Rng? training = null) =>
        RunPass(backbone, adapter, batch, training).Output;

    protected AdaptedOutput RunPass(Backbone backbone, Adapter adapter, BackboneInput batch, Rng? training = null)
    {
        var model = new AdaptedModel(backbone);
        if (Tasks.Count == 0)
        {
            return model.Forward(batch, adapter, training is not null, training);
        }

        var rows = Enumerable.Range(0, (int)batch.InputIds.Size(0)).Select(i => new RowAdapter(adapter, Tasks[i % Tasks.Count])).ToArray();
        return model.Forward(batch, rows, training is not null, training);
    }

    /// <summary>A scalar that depends on every output row, plus the method's auxiliary loss.</summary>
    protected Tensor Loss(Backbone backbone, Adapter adapter, BackboneInput batch, Rng? training)
    {
        var (output, auxiliary, _) = RunPass(backbone, adapter, batch, training);
        using var rng = new Rng(11, Device.Cpu);
        var direction = rng.Normal([TinyBackbones.Width], 0, 1).To(output.LastHiddenState.DType);
        var score = TinyBackbones.MeanPool(output.LastHiddenState, batch.Mask).MatMul(direction);
        var error = score - 1.0;
        var loss = (error * error).Mean();
        return auxiliary is null ? loss : loss + auxiliary;
    }

    protected double[] Train(Backbone backbone, Adapter adapter, int steps, double weightDecay = 0.1)
    {
        var parameters = adapter.NamedParameters().Select(p => p.Parameter).Where(p => p.Trainable).ToList();
        if (parameters.Count == 0)
        {
            return new double[steps];
        }

        using var optimizer = new AdamW([new ParameterGroup("adapter", parameters, LearningRate, weightDecay)]);
        using var rng = new Rng(5, Device.Cpu);
        var losses = new double[steps];
        adapter.BeginTraining(new TrainingPlan(steps));
        for (var step = 1; step <= steps; step++)
        {
            using var scope = new TensorScope();
            var loss = Loss(backbone, adapter, TinyBackbones.Batch(step % 3, s_lengths), rng);
            losses[step - 1] = loss.ToDouble();
            optimizer.ZeroGrad();
            loss.Backward();
            adapter.BeforeOptimizerStep(step);
            optimizer.Step();
            adapter.AfterOptimizerStep(step);
        }

        optimizer.ZeroGrad();
        return losses;
    }

    private double EvaluationLoss(Backbone backbone, Adapter adapter)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        return Enumerable.Range(0, 3).Sum(b => Loss(backbone, adapter, TinyBackbones.Batch(b, s_lengths), null).ToDouble());
    }

    /// <summary>Moves every parameter away from its start, so that zero-initialized parts act.</summary>
    protected static void Scramble(Adapter adapter)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(17, Device.Cpu);
        foreach (var (_, parameter) in adapter.NamedParameters())
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape.ToArray(), 0, 0.1).To(parameter.Value.DType));
        }
    }

    private string Bits(Backbone backbone, Adapter adapter, Tensor ids)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        return Convert.ToHexString(Run(backbone, adapter, new BackboneInput(ids)).LastHiddenState.Contiguous().Bytes());
    }
}
