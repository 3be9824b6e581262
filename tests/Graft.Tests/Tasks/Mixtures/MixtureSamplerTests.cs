using Graft.Tasks.Batches;
using Graft.Tasks.Mixtures;
using Xunit;

namespace Graft.Tests.Tasks.Mixtures;

public sealed class MixtureSamplerTests
{
    private static readonly int[] s_counts = [100, 17, 400];

    [Fact]
    public void Temperature_ten_gives_HyperFormers_weights_of_GLUE()
    {
        // shared/specs/pha.md, section 4: rte, sst2, mrpc, stsb, qqp, mnli, qnli, cola
        int[] rows = [2490, 66349, 3668, 5749, 362846, 392702, 103743, 8551];
        double[] expected = [.096, .133, .100, .105, .158, .159, .140, .109];

        var found = new MixtureSettings(TaskSampling.Temperature, 10).Probabilities(rows);

        Assert.Equal(expected, found.Select(p => Math.Round(p, 3)));
        Assert.Equal(1, found.Sum(), 1e-12);
    }

    [Fact]
    public void Temperature_one_is_proportional_and_a_high_one_uniform()
    {
        var proportional = new MixtureSettings().Probabilities(s_counts);

        Assert.Equal(proportional, new MixtureSettings(TaskSampling.Temperature, 1).Probabilities(s_counts));
        Assert.Equal(100 / 517.0, proportional[0], 1e-12);
        Assert.All(new MixtureSettings(TaskSampling.Temperature, 1e9).Probabilities(s_counts), p => Assert.Equal(1 / 3.0, p, 1e-6));
        Assert.All(new MixtureSettings(TaskSampling.Uniform).Probabilities(s_counts), p => Assert.Equal(1 / 3.0, p, 1e-12));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void By_default_every_row_comes_once_an_epoch(bool oneTask)
    {
        var sampler = Create(new MixtureSettings(OneTaskBatches: oneTask));
        var epochs = Enumerable.Range(0, 2).Select(e => Enumerable.Range(e * sampler.StepsPerEpoch, sampler.StepsPerEpoch).Select(sampler.Rows).ToList()).ToList();

        var all = s_counts.SelectMany((count, task) => Enumerable.Range(0, count).Select(row => new MixtureRow(task, row))).ToHashSet();
        Assert.All(epochs, e => Assert.Equal(all.Count, e.SelectMany(b => b).Count()));
        Assert.All(epochs, e => Assert.True(all.SetEquals(e.SelectMany(b => b))));
        Assert.NotEqual(epochs[0].SelectMany(b => b), epochs[1].SelectMany(b => b));
        Assert.Equal(oneTask ? 7 + 2 + 25 : 33, sampler.StepsPerEpoch);
        Assert.Equal(oneTask, epochs[0].TrueForAll(b => b.Select(r => r.Task).Distinct().Count() == 1));
        Assert.Equal(oneTask ? 1 : 5, epochs[0].Min(b => b.Length));
    }

    [Theory]
    [InlineData(TaskSampling.Uniform, false)]
    [InlineData(TaskSampling.Uniform, true)]
    [InlineData(TaskSampling.Temperature, true)]
    [InlineData(TaskSampling.Proportional, true)]
    public void Tasks_come_as_often_as_they_should(TaskSampling sampling, bool oneTask)
    {
        const int Steps = 6000;
        var settings = new MixtureSettings(sampling, 2, oneTask, Replacement: true);
        var sampler = Create(settings);
        var steps = Enumerable.Range(0, Steps).Select(sampler.Rows).ToList();

        var expected = settings.Probabilities(s_counts);
        var draws = oneTask ? Steps : Steps * 16;
        var found = Enumerable.Range(0, 3).Select(t => oneTask ? steps.Count(b => b[0].Task == t) : steps.Sum(b => b.Count(r => r.Task == t))).ToList();
        Assert.All(found.Zip(expected), f => Assert.InRange(((double)f.First / draws) - f.Second, -0.03, 0.03));
        Assert.All(steps, b => Assert.Equal(16, b.Length));
        Assert.Equal(s_counts.Sum(), steps.SelectMany(b => b).Distinct().Count());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Without_replacement_a_row_comes_again_after_all_others_of_its_task(bool oneTask)
    {
        var sampler = Create(new MixtureSettings(TaskSampling.Uniform, OneTaskBatches: oneTask));
        var rows = Enumerable.Range(0, 300).SelectMany(sampler.Rows).ToList();

        for (var task = 0; task < s_counts.Length; task++)
        {
            var passes = rows.Where(r => r.Task == task).Select(r => r.Row).Chunk(s_counts[task]).ToList();
            Assert.True(passes.Count > 2);
            Assert.All(passes[..^1], p => Assert.Equal(s_counts[task], p.Distinct().Count()));
            Assert.NotEqual(passes[0], passes[1]);
        }
    }

    [Theory]
    [InlineData(TaskSampling.Proportional, false, false)]
    [InlineData(TaskSampling.Proportional, true, true)]
    [InlineData(TaskSampling.Uniform, false, false)]
    [InlineData(TaskSampling.Temperature, true, false)]
    public void The_rows_of_a_step_are_a_function_of_the_step(TaskSampling sampling, bool oneTask, bool replacement)
    {
        var settings = new MixtureSettings(sampling, 10, oneTask, replacement);
        var forward = Create(settings);
        var steps = Enumerable.Range(0, 90).Select(forward.Rows).ToList();

        Assert.Equal(steps[71], Create(settings).Rows(71));
        Assert.Equal(steps[3], forward.Rows(3));
        Assert.Equal(steps[89], forward.Rows(89));
        Assert.NotEqual(steps[3], Create(settings, seed: 2).Rows(3));
    }

    [Fact]
    public void A_single_task_has_the_batches_that_it_has_alone()
    {
        var lengths = Enumerable.Range(0, 70).Select(i => 5 + (i * 13 % 17)).ToArray();
        var alone = new BatchSampler(lengths, 16, 9);
        var sampler = new MixtureSampler([lengths], 16, 9, new MixtureSettings());

        Assert.Equal(alone.BatchesPerEpoch, sampler.StepsPerEpoch);
        Assert.Equal(alone.Epoch(1)[2], sampler.Rows(alone.BatchesPerEpoch + 2).Select(r => r.Row));
    }

    private static MixtureSampler Create(MixtureSettings settings, long seed = 1) =>
        new([.. s_counts.Select(c => Enumerable.Range(0, c).Select(i => 3 + (i % 9)).ToArray())], 16, seed, settings);
}
