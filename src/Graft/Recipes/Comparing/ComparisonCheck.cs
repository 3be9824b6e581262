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
    private readonly Dictionary<MethodUse, PreparedMethod> _methods = [];

    /// <summary>The tasks by the names that the plan uses, with the rows to choose by and to report on drawn.</summary>
    public IReadOnlyDictionary<string, TaskData> Tasks => _tasks;

    /// <summary>The methods as the tasks use them.</summary>
    public IReadOnlyDictionary<MethodUse, PreparedMethod> Methods => _methods;

    /// <summary>Looks for faults; where there are none, everything that the plan names was read.</summary>
    public void Run()
    {
        // A missing folder is one fault, not one of each task.
        if (Try("", () => TaskCatalog.Default(plan.Data)) is { } catalog)
        {
            foreach (var name in plan.Tasks.SelectMany(t => t.Tasks).Distinct(StringComparer.Ordinal))
            {
                if (Try("", () => Limited(PublishedSplit.Of(catalog.Load(name), plan.Split, plan.SplitSeed))) is { } data)
                {
                    _tasks.Add(name, data);
                }
            }
        }

        foreach (var task in plan.Tasks)
        {
            CheckRows(task);
        }

        var own = new BackboneShape();
        Try("", () => own.Read(plan.Backbone));
        using (own.Shape)
        {
            foreach (var method in plan.Methods)
            {
                CheckTasks(method.Name, "backbone", method.Backbone, plan.Backbone);
                CheckTasks(method.Name, "start", method.Start, "PACKAGE");
                foreach (var use in Uses(method).Distinct())
                {
                    Check(method, use, own);
                }
            }
        }

        CheckSame();
    }

    private TaskData Limited(TaskData data) =>
        (plan.TrainRows is { } rows && rows < data.Train.Count ? data.Take(rows, 0) : data).WithHeldOut(plan.DevRows, plan.TestRows);

    // Without tasks, whose fault is told elsewhere, a method is still looked at.
    private IEnumerable<MethodUse> Uses(PlannedMethod method) =>
        plan.Tasks.Select(t => MethodUse.Of(plan, method, t)).DefaultIfEmpty(new MethodUse(method.Name, plan.Backbone, null));

    private void Check(PlannedMethod method, MethodUse use, BackboneShape own)
    {
        var before = $"the method '{method.Name}': ";
        var shape = own;
        if (use.Backbone != plan.Backbone)
        {
            shape = new BackboneShape();
            Try(before, () => shape.Read(use.Backbone));
        }

        // What is wrong with a method that has nothing to do with its backbone is told once.
        using var other = shape == own ? null : shape.Shape;
        if ((shape == own || shape.Shape is not null) && Try(before, () => Prepare(method, use.Start, shape.Shape, shape.Tokenizer)) is { } prepared)
        {
            _methods.Add(use, prepared);
        }
    }

    // One that forgets a task would be compared on the plan's backbone, or with a new adapter, without a word.
    private void CheckTasks(string method, string key, PlaceByTask? place, string example)
    {
        if (place?.ByTask is not { } byTask)
        {
            return;
        }

        List<string> tasks = [.. plan.Tasks.Select(t => t.Name)];
        foreach (var unknown in byTask.Keys.Except(tasks, StringComparer.Ordinal))
        {
            faults.Add($"the method '{method}': its {key} is given for '{unknown}', which is no task of the plan; {Suggest.Hint(unknown, tasks)}");
        }

        if (tasks.Except(byTask.Keys, StringComparer.Ordinal).ToList() is { Count: > 0 } missing)
        {
            faults.Add($"the method '{method}': its {key} is given by task and not for {string.Join(", ", missing)}; add it, such as \"{missing[0]}\": \"{example}\".");
        }
    }

    /// <summary>Reads the trained adapters that methods build on or begin at, and finds the faults of those.</summary>
    /// <param name="backbones">The backbones.</param>
    public void ReadAdapters(ComparisonBackbones backbones)
    {
        foreach (var (use, prepared) in _methods.ToList())
        {
            var before = $"the method '{use.Method}': ";
            if (use.Start is { } start)
            {
                if (Try(before, () => TrainedAdapters.At(TrainedAdapters.Start(start, prepared.Method), prepared.Method, prepared.Config, backbones.Of(use.Backbone).Backbone)) is { } begun)
                {
                    using (begun)
                    {
                        _methods[use] = prepared with { BuildsOn = [(string)begun.Origin!["sha256"]!] };
                    }
                }
            }
            else if (prepared.Method is IBuildsOnAdapters builds && builds.Places(prepared.Config) is { Count: > 0 } places
                && Try(before, () => TrainedAdapters.Load(prepared.Method, prepared.Config, backbones.Of(use.Backbone).Backbone)) is { } trained)
            {
                using (trained)
                {
                    _methods[use] = prepared with { Described = trained.Config, BuildsOn = [.. places.Select(p => AdapterPackage.Open(p).Manifest.AdapterFile.Sha256)] };
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
                    faults.Add($"the size {size} is beyond the {one.Train.Count} training rows of '{one.Task.Name}'{(one.Train.Count == plan.TrainRows ? ", as 'train_rows' says" : "")}; give a smaller one, or \"{ComparisonPlan.AllRows}\".");
                    continue;
                }

                foreach (var seed in plan.Seeds)
                {
                    Try("", () => one.Take(size, seed));
                }
            }
        }
    }

    private PreparedMethod Prepare(PlannedMethod planned, string? start, Backbone? shape, Tokenizer? tokenizer)
    {
        var method = PeftMethods.Get(planned.Method);
        var config = method.ReadConfig(TrainedAdapters.Settings(start is null ? null : TrainedAdapters.Start(start, method), planned.Set), "its settings");
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

        return new PreparedMethod(method, config, planned.LearningRate ?? method.DefaultLearningRate) { Start = start };
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
        foreach (var same in plan.Methods.Where(p => Uses(p).All(_methods.ContainsKey)).GroupBy(What, StringComparer.Ordinal).Where(g => g.Count() > 1))
        {
            faults.Add($"the methods {string.Join(" and ", same.Select(m => $"'{m.Name}'"))} are the same with the same settings; leave one out, or change a setting.");
        }

        string What(PlannedMethod planned) => string.Join('\n', Uses(planned).Select(use => (Use: use, Value: _methods[use]))
            .Select(m => $"{m.Use.Backbone} {m.Value.Method.Name} {m.Value.Written.ToJsonString()} {m.Use.Start} {m.Value.LearningRate} {planned.Share}"));
    }

    /// <summary>A backbone without its weights, and its tokenizer, as far as they could be read.</summary>
    private sealed class BackboneShape
    {
        public Backbone? Shape { get; private set; }

        public Tokenizer? Tokenizer { get; private set; }

        public BackboneShape Read(string source)
        {
            var folder = ModelSources.Resolve(source);
            Shape = Backbone.OfShape(folder);
            Tokenizer = Tokenizer.Load(folder);
            return this;
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
            var sentence = before.Length == 0 ? fault.Message : before + char.ToLowerInvariant(fault.Message[0]) + fault.Message[1..];
            if (!faults.Contains(sentence))
            {
                faults.Add(sentence);
            }

            return null;
        }
    }
}
