using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Masks;

/// <summary>Whole optimisations of the authors' modules, step by step.</summary>
public sealed class ProPetlLoopTests
{
    private const double Tolerance = 1e-4;
    private const int Width = 24;

    [Fact]
    public void Thirty_steps_with_the_recipe_for_RoBERTa()
    {
        const int Layers = 3;
        using var scope = new TensorScope();
        using var f = new ProPetlCase("07_train30_roberta_recipe");
        var layers = new (HiddenSite Site, LinearSite Dense, LayerNorm Norm)[Layers];
        f.Sites(build =>
        {
            for (var l = 0; l < Layers; l++)
            {
                layers[l] = (
                    build.Sites.Add(new HiddenSite($"layer.{l}", Width, SiteRole.FeedForward, StackKind.Encoder, l)),
                    build.Linear($"ffn.{l}", Width, Width, SiteRole.FeedForwardOut, SiteRole.FeedForward, StackKind.Encoder, l),
                    build.LayerNorm($"lns.{l}", Width, 1e-5, SiteRole.FeedForward, StackKind.Encoder, l));
            }
        },
            key => "init." + key);
        f.Attach("propetl-adapter", new JsonObject { ["reduction_factor"] = 3, ["kept"] = f.Kept }, [], Values("init"));
        var head = new[] { "head.0.weight", "head.0.bias", "head.2.weight", "head.2.bias" }.Select(n => new Parameter(f["init." + n].Clone())).ToList();
        var (rate, maskRate, decay) = (f["lr"].ToDouble(), f["mask_lr"].ToDouble(), f["weight_decay"].ToDouble());
        var scores = Assert.Single(f.Adapter.Groups).Parameters;
        var rest = f.Adapter.Parameters().Except(scores).Concat(head).ToLookup(p => p.Value.Rank > 1);
        ParameterGroup[] groups = [new("scores", scores, maskRate, decay), new("weights", rest[true], rate, decay), new("biases", rest[false], rate)];
        using var optimizer = new AdamW(groups, variant: AdamWVariant.HuggingFace);
        var (rates, losses, norms) = (f["lrs"].ToArray<double>(), f["loss"].ToArray<double>(), f["grad_norm_before_clip"].ToArray<double>());
        var flips = f["mask_flips_per_step"].ToArray<long>();
        var masks = Masks();

        for (var step = 0; step < losses.Length; step++)
        {
            using var inner = new TensorScope();
            for (var g = 0; g < groups.Length; g++)
            {
                groups[g].LearningRate = rates[(step * groups.Length) + g];
            }

            var hidden = f.Run(16, pass => layers.Aggregate(f["X"].Select(0, step), (x, layer) =>
                layer.Norm.Apply(pass, layer.Site.After(pass, x, layer.Dense.Apply(pass, x), x, layer.Norm.Apply) + x)));
            var loss = F.CrossEntropy(F.Linear(F.Linear(hidden, head[0], head[1]).Tanh(), head[2], head[3]), f["Y"].Select(0, step));
            optimizer.ZeroGrad();
            loss.Backward();
            var norm = GradientClip.ClipNorm_(groups.SelectMany(g => g.Parameters), f["max_grad_norm"].ToDouble());
            optimizer.Step();

            Assert.Equal(losses[step], loss.ToDouble(), Tolerance);
            Assert.Equal(norms[step], norm, Tolerance);
            var after = Masks();
            Assert.Equal(flips[step], masks.Zip(after).Count(p => p.First != p.Second));
            masks = after;
        }

        foreach (var (path, value) in Values("final"))
        {
            TensorAssert.Close(value, f.Parameter(path).Value, 0, Tolerance);
        }

        head.ForEach(p => p.Value.Dispose());

        Dictionary<string, Tensor> Values(string when) => new()
        {
            ["shared.adapter.down.weight"] = f[$"{when}.layers.0.adapters.t.adapter_down.0.weight"],
            ["shared.adapter.down.bias"] = f[$"{when}.layers.0.adapters.t.adapter_down.0.bias"],
            ["shared.adapter.up.weight"] = f[$"{when}.layers.0.adapters.t.adapter_up.weight"],
            ["shared.adapter.up.bias"] = f[$"{when}.layers.0.adapters.t.adapter_up.bias"],
            ["shared.adapter.scores.down"] = f.Layers(Layers, l => $"{when}.layers.{l}.adapters_mask.t.down_mask", transposed: true),
            ["shared.adapter.scores.up"] = f.Layers(Layers, l => $"{when}.layers.{l}.adapters_mask.t.up_mask", transposed: true),
        };

        float[] Masks()
        {
            using var inner = new TensorScope();
            return f.Masks.OfPlaces()!.ToArray<float>();
        }
    }

    // The gradients of zero for the task that is not in the batch are the slip that stale_momentum repeats.
    [Theory]
    [InlineData("08_train12_t5_recipe", true)]
    [InlineData("08_train12_t5_recipe_unaliased", false)]
    public void Twelve_steps_of_two_tasks_with_the_recipe_for_T5(string name, bool aliased)
    {
        string[] tasks = ["a", "b"];
        using var scope = new TensorScope();
        using var f = new ProPetlCase(name);
        var sites = ProPetlFixtureTests.T5.Sites(f, 2);
        var settings = ProPetlFixtureTests.T5.Settings(f);
        (settings["aliased_scores"], settings["stale_momentum"]) = (aliased, true);
        f.Attach("propetl-adapter", settings, tasks, Values("init"));
        var decay = f["weight_decay"].ToDouble();
        var scores = Assert.Single(f.Adapter.Groups).Parameters;
        var rest = f.Adapter.Parameters().Except(scores).ToLookup(p => p.Value.Rank > 1);
        ParameterGroup[] groups = [new("weights", rest[true], 0, decay), new("biases", rest[false], 0), new("scores", scores, 0, decay)];
        using var optimizer = new AdamW(groups, variant: AdamWVariant.HuggingFace);
        var (rates, losses, order) = (f["lrs"].ToArray<double>(), f["loss"].ToArray<double>(), f["task_of_step"].ToArray<long>());

        for (var step = 0; step < losses.Length; step++)
        {
            using var inner = new TensorScope();
            for (var g = 0; g < groups.Length; g++)
            {
                groups[g].LearningRate = rates[(step * groups.Length) + g];
            }

            var output = ProPetlFixtureTests.T5.Run(f, sites, f["X"].Select(0, step), f["hidden_before_ff"].Select(0, step), tasks[order[step]], []);
            var loss = F.MseLoss(output, f["target"].Select(0, step));
            optimizer.ZeroGrad();
            loss.Backward();
            f.Adapter.BeforeOptimizerStep(step + 1);
            GradientClip.ClipNorm_(f.Adapter.Parameters(), f["max_grad_norm"].ToDouble());
            optimizer.Step();

            Assert.Equal(losses[step], loss.ToDouble(), Tolerance);
        }

        foreach (var (path, value) in Values("final"))
        {
            TensorAssert.Close(value, f.Parameter(path).Value, 0, Tolerance);
        }

        Dictionary<string, Tensor> Values(string when)
        {
            var values = new Dictionary<string, Tensor>(StringComparer.Ordinal);
            foreach (var side in new[] { "down", "up" })
            {
                values[$"shared.adapter.{side}.weight"] = f[$"{when}.0.adapters.common_adapter.{side}_sampler.weight"];
                values[$"shared.adapter.{side}.bias"] = f[$"{when}.0.adapters.common_adapter.{side}_sampler.bias"];
                values[$"shared.adapter.scores.{side}"] = aliased
                    ? f[$"{when}.1.mask_scores.layer_{side}_mask.param"].Unsqueeze(0)
                    : f.Layers(2, l => $"{when}.{l}.mask_scores.layer_{side}_mask.param");
                Array.ForEach(tasks, t => values[$"tasks.{t}.adapter.scores.{side}"] = f[$"{when}.0.mask_scores.{t}_{side}_mask.param"].Unsqueeze(0));
            }

            return values;
        }
    }
}
