using Graft.TestKit;
using Xunit;

namespace Graft.Torch.Tests;

/// <summary>30 steps of three adapters with one shared prototype and a mask each, as the PROPETL authors' modules took them.</summary>
public sealed class PropetlRecipeFixtureTests
{
    private const double Tolerance = 1e-4;
    private const int Layers = 3;
    private const string Prototype = "layers.0.adapters.t.";

    [Fact]
    public void Fixture_train30_roberta_recipe_is_reproduced()
    {
        using var scope = new TensorScope();
        using var file = SafetensorsFile.Open(SharedData.Fixture("propetl/07_train30_roberta_recipe.safetensors"));
        var network = new Network(file);
        var steps = (int)file.Load("steps").ToInt64();
        var (rate, maskRate) = (file.Load("lr").ToDouble(), file.Load("mask_lr").ToDouble());
        var decay = file.Load("weight_decay").ToDouble();
        var schedule = Schedules.Linear((int)file.Load("warmup").ToInt64(), steps);
        ParameterGroup[] groups =
        [
            new("scores", network.Trained(name => name.Contains("_mask.")), maskRate, decay),
            new("weights", network.Trained(name => !name.Contains("_mask.") && name.EndsWith("weight", StringComparison.Ordinal)), rate, decay),
            new("biases", network.Trained(name => name.EndsWith("bias", StringComparison.Ordinal)), rate),
        ];
        using var optimizer = new AdamW(groups, variant: AdamWVariant.HuggingFace);
        var rates = file.Load("lrs").ToArray<double>();
        var losses = file.Load("loss").ToArray<double>();
        var norms = file.Load("grad_norm_before_clip").ToArray<double>();
        var flips = file.Load("mask_flips_per_step").ToArray<long>();
        var masks = network.Masks();

        for (var step = 0; step < steps; step++)
        {
            using var inner = new TensorScope();
            groups[0].LearningRate = maskRate * schedule(step);
            groups[1].LearningRate = groups[2].LearningRate = rate * schedule(step);
            for (var g = 0; g < groups.Length; g++) Assert.Equal(rates[(step * groups.Length) + g], groups[g].LearningRate, 1e-12);

            var loss = F.CrossEntropy(network.Forward(file.Load("X").Select(0, step)), file.Load("Y").Select(0, step));
            optimizer.ZeroGrad();
            loss.Backward();
            var norm = GradientClip.ClipNorm_(groups.SelectMany(group => group.Parameters), file.Load("max_grad_norm").ToDouble());
            optimizer.Step();

            Assert.Equal(losses[step], loss.ToDouble(), Tolerance);
            Assert.Equal(norms[step], norm, Tolerance);
            var after = network.Masks();
            Assert.Equal(flips[step], masks.Zip(after).Count(pair => pair.First != pair.Second));
            masks = after;
        }

        Assert.Equal(file.Load("final_masks_flat").ToArray<float>(), masks);
        foreach (var (name, parameter) in network.Parameters)
        {
            Assert.True(parameter.Value.AllClose(file.Load($"final.{name}"), 0, Tolerance), name);
        }
    }

    private sealed class Network
    {
        private readonly double _kept;

        internal Network(SafetensorsFile file)
        {
            const string Prefix = "init.";
            _kept = file.Load("k").ToDouble();
            foreach (var key in file.Keys.Where(key => key.StartsWith(Prefix, StringComparison.Ordinal)))
            {
                var frozen = key.Contains("ffn.") || key.Contains("lns.");
                Parameters.Add(key[Prefix.Length..], new Parameter(file.Load(key), trainable: !frozen));
            }
        }

        internal Dictionary<string, Parameter> Parameters { get; } = [];

        internal List<Parameter> Trained(Func<string, bool> chosen) =>
            [.. Parameters.Where(entry => entry.Value.Trainable && chosen(entry.Key)).Select(entry => entry.Value)];

        internal Tensor Forward(Tensor x)
        {
            for (var layer = 0; layer < Layers; layer++)
            {
                var (gain, shift) = (Parameters[$"lns.{layer}.weight"], Parameters[$"lns.{layer}.bias"]);
                var f = F.Linear(x, Parameters[$"ffn.{layer}.weight"], Parameters[$"ffn.{layer}.bias"]);
                var u = F.LayerNorm(f + x, gain, shift);
                var z = F.Linear(u, Masked("adapter_down.0.weight", layer, "down_mask"), Parameters[Prototype + "adapter_down.0.bias"]).Relu();
                var a = F.Linear(z, Masked("adapter_up.weight", layer, "up_mask"), Parameters[Prototype + "adapter_up.bias"]);
                x = F.LayerNorm(a + f + x, gain, shift);
            }

            var hidden = F.Linear(x, Parameters["head.0.weight"], Parameters["head.0.bias"]).Tanh();
            return F.Linear(hidden, Parameters["head.2.weight"], Parameters["head.2.bias"]);
        }

        internal float[] Masks()
        {
            using var scope = new TensorScope();
            using var quiet = Autograd.NoGrad();
            return
            [
                .. Enumerable.Range(0, Layers).SelectMany(layer => new[] { "down_mask", "up_mask" }
                    .SelectMany(name => Mask(Scores(layer, name)).ToArray<float>())),
            ];
        }

        private Tensor Scores(int layer, string name) => Parameters[$"layers.{layer}.adapters_mask.t.{name}"];

        private Tensor Masked(string weight, int layer, string mask) =>
            (Tensor)Parameters[Prototype + weight] * Mask(Scores(layer, mask)).Transpose(0, 1);

        /// <summary>Ones at the largest |scores|; backwards the identity to |scores|.</summary>
        private Tensor Mask(Tensor scores)
        {
            var size = scores.Abs();
            var cut = (long)((1 - _kept) * size.Count);
            var order = size.Detach().Flatten().ArgSort();
            var ones = Tensor.Zeros([size.Count]).Scatter_(0, order.Narrow(0, cut, size.Count - cut), 1).View(scores.Shape);
            return ones + (size - size.Detach());
        }
    }
}
