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
public abstract partial class PeftMethodConformance
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

    public static TheoryData<string> Backbones => TinyBackbones.ForMethods;

    public static TheoryData<string> Writers => TinyBackbones.TextToText;

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
        batch = TinyBackbones.Whole(backbone, batch);
        var model = new AdaptedModel(backbone);
        if (Tasks.Count == 0)
        {
            return model.Forward(batch, adapter, training is not null, training);
        }

        var rows = Enumerable.Range(0, (int)batch.InputIds.Size(0)).Select(i => new RowAdapter(adapter, Tasks[i % Tasks.Count])).ToArray();
        return model.Forward(batch, rows, training is not null, training);
    }

    /// <summary>The last hidden states of a batch whose rows all belong to one task.</summary>
    protected static Tensor RunTask(Backbone backbone, Adapter adapter, BackboneInput batch, string? task) => TinyBackbones.States(new AdaptedModel(backbone).Forward(
        TinyBackbones.Whole(backbone, batch), [.. Enumerable.Repeat(new RowAdapter(adapter, task), (int)batch.InputIds.Size(0))]).Output);

    /// <summary>The loss of a training pass that drops out the same values every time.</summary>
    protected Tensor TrainingLoss(Backbone backbone, Adapter adapter, BackboneInput batch)
    {
        using var rng = new Rng(5, Device.Cpu);
        return Loss(backbone, adapter, batch, rng);
    }

    /// <summary>A scalar that depends on every output row, plus the method's auxiliary loss, which a training pass alone has.</summary>
    protected Tensor Loss(Backbone backbone, Adapter adapter, BackboneInput batch, Rng? training)
    {
        var (output, auxiliary, _) = RunPass(backbone, adapter, batch, training);
        using var rng = new Rng(11, Device.Cpu);
        var direction = rng.Normal([TinyBackbones.Width], 0, 1).To(output.LastHiddenState.DType);
        var score = TinyBackbones.MeanPool(output.LastHiddenState, batch.Mask).MatMul(direction);
        var error = score - 1.0;
        var loss = (error * error).Mean();
        if (output.Decoded is { } decoded)
        {
            loss = loss + (decoded.Mean(1).MatMul(direction) - 1.0).Square().Mean() + (0.01 * output.Logits!.Square().Mean());
        }

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
}
