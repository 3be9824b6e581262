using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Evaluation.Comparisons;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>A method of a plan, ready to be trained. Immutable.</summary>
/// <param name="Method">The method.</param>
/// <param name="Config">Its settings.</param>
/// <param name="LearningRate">The learning rate that the search's factors multiply.</param>
internal sealed record PreparedMethod(PeftMethod Method, PeftConfig Config, double LearningRate)
{
    /// <summary>The settings as JSON, every value written.</summary>
    public JsonObject Written { get; } = Method.WriteConfig(Config);

    /// <summary>The settings with descriptions instead of the places of trained adapters, where the method builds on some.</summary>
    public PeftConfig Described { get; init; } = Config;

    /// <summary>The package at whose adapter it begins; null to begin anew.</summary>
    public string? Start { get; init; }

    /// <summary>The hashes of the weights of the trained adapters that it builds on or begins at, in their order.</summary>
    public IReadOnlyList<string> BuildsOn { get; init; } = [];
}

/// <summary>A method of a plan as one of its tasks uses it. Immutable.</summary>
/// <param name="Method">The method's name in the plan.</param>
/// <param name="Backbone">The backbone that it tunes, as it was asked for.</param>
/// <param name="Start">The package at whose adapter it begins; null to begin anew.</param>
internal sealed record MethodUse(string Method, string Backbone, string? Start)
{
    /// <summary>What a task uses.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="method">The method.</param>
    /// <param name="task">The task or mixture.</param>
    public static MethodUse Of(ComparisonPlan plan, PlannedMethod method, PlannedTask task) =>
        new(method.Name, method.Backbone?.Of(task) ?? plan.Backbone, method.Start?.Of(task));
}

/// <summary>A run of a plan and what identifies it. Immutable.</summary>
/// <param name="Plan">The run.</param>
/// <param name="Id">The hash of <paramref name="Identity"/>.</param>
/// <param name="Identity">Everything that determines the run.</param>
/// <param name="SearchedBy">The run whose search finds the learning rate of this one; null where this one searches itself, or nobody does.</param>
internal sealed record IdentifiedRun(PlannedRun Plan, string Id, JsonObject Identity, IdentifiedRun? SearchedBy);

/// <summary>
/// What every run of a comparison works on: the plan, found without fault, its tasks' rows, read once, and the backbones. It owns these.
/// Thread contract: one thread.
/// </summary>
internal sealed class ComparisonBench : IDisposable
{
    private readonly ComparisonCheck _checked;
    private readonly Dictionary<(string Task, int? Size, long Seed), TaskData> _drawn = [];

    private readonly ComparisonBackbones _backbones;

    private ComparisonBench(ComparisonPlan plan, ComparisonCheck found, ComparisonBackbones backbones)
    {
        (Plan, _checked, _backbones) = (plan, found, backbones);
        Runs = Identify();
    }

    /// <summary>The plan.</summary>
    public ComparisonPlan Plan { get; }

    /// <summary>The plan's backbone and its tokenizer.</summary>
    public LoadedBackbone Own => _backbones.Own;

    /// <summary>The runs in the order of the plan.</summary>
    public IReadOnlyList<IdentifiedRun> Runs { get; }

    /// <summary>Reads a plan and all that it names.</summary>
    /// <param name="json">The plan.</param>
    /// <param name="name">The comparison's name where the plan gives none.</param>
    /// <exception cref="ComparisonPlanException">The plan has faults; all are listed.</exception>
    public static ComparisonBench Open(StrictObject json, string name)
    {
        List<string> faults = [];
        var plan = ComparisonPlan.Read(json, name, faults);
        var check = new ComparisonCheck(plan, faults);
        check.Run();
        if (faults.Count > 0)
        {
            throw new ComparisonPlanException(plan.Name, faults);
        }

        var backbones = new ComparisonBackbones(plan.Backbone, new BackboneOptions(Precisions.Parse(plan.Precision), Device.Parse(plan.Device)));
        try
        {
            check.ReadAdapters(backbones);
            return faults.Count == 0 ? new ComparisonBench(plan, check, backbones) : throw new ComparisonPlanException(plan.Name, faults);
        }
        catch
        {
            backbones.Dispose();
            throw;
        }
    }

    /// <summary>A method of the plan.</summary>
    /// <param name="run">The run that uses it.</param>
    public PreparedMethod Method(PlannedRun run) => _checked.Methods[MethodUse.Of(Plan, run.Method, run.Task)];

    /// <summary>The backbone of a run, as it was asked for.</summary>
    /// <param name="run">The run.</param>
    public string Backbone(PlannedRun run) => MethodUse.Of(Plan, run.Method, run.Task).Backbone;

    /// <summary>The backbone of a run and its tokenizer, to be used until that of another run is asked for.</summary>
    /// <param name="run">The run.</param>
    public LoadedBackbone Loaded(PlannedRun run) => _backbones.Of(Backbone(run));

    /// <summary>The rows of a run's tasks, the training rows drawn.</summary>
    /// <param name="run">The run.</param>
    public IReadOnlyList<TaskData> Data(PlannedRun run) => [.. run.Task.Tasks.Select(t => Data(t, run.Size, run.Seed))];

    /// <summary>The labels of the middle one of the plan's tasks, at least 2.</summary>
    public int TypicalLabels => _checked.Tasks.Values.Select(t => Math.Max(2, t.Task.Outputs)).Order().ElementAt(_checked.Tasks.Count / 2);

    /// <summary>The optimizer steps of one training of a run, over all of its tasks.</summary>
    /// <param name="run">The run.</param>
    public int Steps(PlannedRun run) => ComparisonSteps.Trainings(Plan, [.. run.Task.Tasks.Select(t => _checked.Tasks[t])], run.Size, IsJoint(run)).Sum();

    /// <summary>Whether the tasks of a run are trained together on one adapter.</summary>
    /// <param name="run">The run.</param>
    public bool IsJoint(PlannedRun run) => run.Method.Share || Method(run).Method.SharesAcrossTasks;

    /// <summary>The trainings of a run: one for each learning rate that it tries.</summary>
    /// <param name="run">The run.</param>
    public int Trials(PlannedRun run) => run.Seed == Plan.Seeds[0] ? Plan.LearningRateFactors.Count : 1;

    /// <inheritdoc/>
    public void Dispose() => _backbones.Dispose();

    private TaskData Data(string task, int? size, long seed)
    {
        if (!_drawn.TryGetValue((task, size, seed), out var data))
        {
            data = _checked.Tasks[task];
            _drawn.Add((task, size, seed), data = size is { } rows ? data.Take(rows, seed) : data);
        }

        return data;
    }

    private List<IdentifiedRun> Identify()
    {
        var identity = new RunIdentity(Plan);
        var searches = new Dictionary<(string Method, string Task, int? Size), IdentifiedRun>();
        List<IdentifiedRun> runs = [];
        foreach (var run in Plan.Runs)
        {
            var cell = (run.Method.Name, run.Task.Name, run.Size);
            var searched = Plan.LearningRateFactors.Count > 1 && run.Seed != Plan.Seeds[0] ? searches[cell] : null;
            var described = identity.Of(run, _backbones.FingerprintOf(Backbone(run)), Method(run), Data(run), searched?.Id);
            var identified = new IdentifiedRun(run, RunIdentity.Hash(described), described, searched);
            searches.TryAdd(cell, identified);
            runs.Add(identified);
        }

        return runs;
    }
}
