using Graft.Backbones;
using Graft.Evaluation.Comparisons;
using Graft.Formats.Packages;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>
/// Finds every fault of a plan before its first run: methods are attached to the backbone's shape, tasks are read, rows are drawn. Thread
/// contract: one thread.
/// </summary>
/// <param name="plan">The plan, as far as it could be read.</param>
/// <param name="faults">Receives a sentence for each fault.</param>
internal sealed class ComparisonCheck(ComparisonPlan plan, ICollection<string> faults)
{
    private readonly Dictionary<string, TaskData> _tasks = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PreparedMethod> _methods = new(StringComparer.Ordinal);

    /// <summary>The tasks by the names that the plan uses, with the rows to choose by and to report on drawn.</summary>
    public IReadOnlyDictionary<string, TaskData> Tasks => _tasks;

    /// <summary>The methods by their names in the plan.</summary>
    public IReadOnlyDictionary<string, PreparedMethod> Methods => _methods;

    /// <summary>Looks for faults; where there are none, everything that the plan names was read.</summary>
    public void Run()
    {
        // A missing folder is one fault, not one of each task.
        if (Try("", () => TaskCatalog.Default(plan.Data)) is { } catalog)
        {
            foreach (var name in plan.Tasks.SelectMany(t => t.Tasks).Distinct(StringComparer.Ordinal))
            {
                if (Try("", () => PublishedSplit.Of(catalog.Load(name), plan.Split, plan.SplitSeed).WithHeldOut(plan.DevRows, plan.TestRows)) is { } data)
                {
                    _tasks.Add(name, data);
                }
            }
        }

        foreach (var task in plan.Tasks)
        {
            CheckRows(task);
        }

        var folder = Try("", () => ModelSources.Resolve(plan.Backbone));
        using var shape = folder is null ? null : Try("", () => Backbone.OfShape(folder));
        var tokenizer = shape is null ? null : Try("", () => Tokenizer.Load(folder!));
        foreach (var method in plan.Methods)
        {
            if (Try($"the method '{method.Name}': ", () => Prepare(method, shape, tokenizer)) is { } prepared)
            {
                _methods.Add(method.Name, prepared);
            }
        }

        CheckSame();
    }

    /// <summary>Reads the trained adapters that methods build on, and finds the faults of those.</summary>
    /// <param name="backbone">The backbone.</param>
    public void ReadAdapters(Backbone backbone)
    {
        foreach (var (name, prepared) in _methods.ToList())
        {
            if (prepared.Method is not IBuildsOnAdapters builds || builds.Places(prepared.Config) is not { Count: > 0 } places)
            {
                continue;
            }

            if (Try($"the method '{name}': ", () => TrainedAdapters.Load(prepared.Method, prepared.Config, backbone)) is { } trained)
            {
                using (trained)
                {
                    _methods[name] = prepared with { Described = trained.Config, BuildsOn = [.. places.Select(p => AdapterPackage.Open(p).Manifest.AdapterFile.Sha256)] };
                }
            }
        }
    }

    private void CheckRows(PlannedTask task)
    {
        var data = task.Tasks.Where(_tasks.ContainsKey).Select(t => _tasks[t]).ToList();
        foreach (var twice in data.GroupBy(d => d.Task.Name, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            faults.Add($"the mixture '{task.Name}' has the task '{twice.Key}' twice, under two names; name it once.");
        }

        foreach (var one in data)
        {
            foreach (var size in plan.Sizes.OfType<int>())
            {
                if (size > one.Train.Count)
                {
                    faults.Add($"the size {size} is beyond the {one.Train.Count} training rows of '{one.Task.Name}'; give a smaller one, or \"{ComparisonPlan.AllRows}\".");
                    continue;
                }

                foreach (var seed in plan.Seeds)
                {
                    Try("", () => one.Take(size, seed));
                }
            }
        }
    }

    private PreparedMethod Prepare(PlannedMethod planned, Backbone? shape, Tokenizer? tokenizer)
    {
        var method = PeftMethods.Get(planned.Method);
        var config = method.ReadConfig(planned.Set, "its settings");
        if (shape is not null && tokenizer is not null)
        {
            config = method.Resolve(config, tokenizer);
            _ = TaskModel.Room(shape, method, config);

            // What builds on trained adapters needs their weights, and with them the backbone's: ReadAdapters looks at it.
            if (method is not IBuildsOnAdapters builds || builds.Places(config).Count == 0)
            {
                Attach(planned, method, config, shape);
            }
        }

        return new PreparedMethod(method, config, planned.LearningRate ?? method.DefaultLearningRate);
    }

    private void Attach(PlannedMethod planned, PeftMethod method, PeftConfig config, Backbone shape)
    {
        using var rng = new Rng(0);
        using var adapter = method.Attach(shape, method.Name, config, rng);
        var joint = planned.Share || method.SharesAcrossTasks;
        foreach (var steps in plan.Tasks.Where(t => t.Tasks.All(_tasks.ContainsKey))
            .SelectMany(t => plan.Sizes.SelectMany(s => ComparisonSteps.Trainings(plan, [.. t.Tasks.Select(name => _tasks[name])], s, joint))).Distinct())
        {
            adapter.BeginTraining(new TrainingPlan(steps));
        }
    }

    // Two names for one thing would be trained once and reported twice, as if they agreed.
    private void CheckSame()
    {
        foreach (var same in _methods.GroupBy(m => (m.Value.Method.Name, m.Value.Written.ToJsonString(), m.Value.LearningRate, plan.Methods.First(p => p.Name == m.Key).Share)).Where(g => g.Count() > 1))
        {
            faults.Add($"the methods {string.Join(" and ", same.Select(m => $"'{m.Key}'"))} are the same with the same settings; leave one out, or change a setting.");
        }
    }

    private T? Try<T>(string before, Func<T> read)
        where T : class
    {
        try
        {
            return read();
        }
        catch (GraftException fault)
        {
            faults.Add(before.Length == 0 ? fault.Message : before + char.ToLowerInvariant(fault.Message[0]) + fault.Message[1..]);
            return null;
        }
    }
}
