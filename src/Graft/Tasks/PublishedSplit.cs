using Graft.Torch;

namespace Graft.Tasks;

/// <summary>Where dev and test rows come from.</summary>
public enum SplitRule
{
    /// <summary>From the files that the task names; a dev split that it does not name is cut from train.</summary>
    Files,

    /// <summary><see cref="Halves"/> for tasks of fewer than 10,000 training rows and those whose file says so, <see cref="Thousand"/> for others: the protocol of HyperFormer, PHA and PROPETL.</summary>
    Published,

    /// <summary>Dev and test are the two halves of the task's dev rows in a random order.</summary>
    Halves,

    /// <summary>Dev is the first 1,000 of the training rows in a random order, and the task's dev rows are test.</summary>
    Thousand,
}

/// <summary>
/// The splits of papers that report on GLUE, whose test sets have no labels. Orders are <c>torch.randperm</c> of the seed (PHA: 32, PROPETL: 42), so that
/// rows are those of the authors' code where files have the same order. Training rows are left in that order, so that the first n of them are the n that
/// the authors train on. Source: the released code of PHA (Bumble666/PHA, data/tasks.py). Stateless.
/// </summary>
internal static class PublishedSplit
{
    private const int Large = 10_000;
    private const int Held = 1_000;

    /// <summary>The same task with other splits.</summary>
    /// <param name="data">The task as its files have it.</param>
    /// <param name="rule">The rule.</param>
    /// <param name="seed">The seed of the orders.</param>
    /// <exception cref="GraftException">The task has no dev file, or too few rows for the rule.</exception>
    public static TaskData Of(TaskData data, SplitRule rule, long seed)
    {
        if (rule == SplitRule.Files)
        {
            return data;
        }

        if (data.DevIsCutFromTrain)
        {
            throw new GraftException($"The task '{data.Task.Name}' has no dev file, and the split '{rule.ToString().ToLowerInvariant()}' makes dev and test of one; name it, or leave split out.");
        }

        if (rule == SplitRule.Published)
        {
            rule = data.PublishedSplit ?? (data.Train.Count >= Large ? SplitRule.Thousand : SplitRule.Halves);
        }

        var train = Shuffled(data.Train, data.Task, seed);
        if (rule == SplitRule.Thousand)
        {
            var held = RowGroups.Lead(train, data.Task, Held);
            return train.Count > Held
                ? Split(train[held..], train[..held], data.Dev)
                : throw new GraftException($"The task '{data.Task.Name}' has {train.Count} training rows, and the split 'thousand' takes {Held} of them for dev; use 'halves'.");
        }

        var dev = Shuffled(data.Dev, data.Task, seed);
        var half = RowGroups.Lead(dev, data.Task, dev.Count / 2);
        return dev.Count > half && half > 0
            ? Split(train, dev[..half], dev[half..])
            : throw new GraftException($"The task '{data.Task.Name}' has {dev.Count} dev row, which cannot be halved; name a larger dev file.");

        TaskData Split(IReadOnlyList<Example> fit, IReadOnlyList<Example> choose, IReadOnlyList<Example> report) =>
            new(data.Task, fit, choose, report) { Splits = new TaskSplits(rule, seed), SkippedRows = data.SkippedRows, IsShuffled = true, Notes = data.Notes };
    }

    private static List<Example> Shuffled(IReadOnlyList<Example> rows, TaskDefinition task, long seed)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(seed, Device.Cpu);
        var groups = RowGroups.Sides(rows, task);
        return [.. rng.Permutation(groups.Count).ToArray<long>().SelectMany(i => groups[(int)i]).Select(row => rows[row])];
    }
}
