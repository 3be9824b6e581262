using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Computes a term of the training loss from a finished training pass; no other pass asks for it.</summary>
/// <param name="pass">The pass, with what the adapter stored in it.</param>
/// <param name="groups">The groups of rows that use this adapter.</param>
/// <param name="output">The backbone's output, rows in the order of the groups.</param>
/// <returns>A scalar, or null for none.</returns>
public delegate Tensor? AuxiliaryLoss(AdapterPass pass, IReadOnlyList<RowGroup> groups, BackboneOutput output);

/// <summary>Parameters of an adapter that train with a learning rate or weight decay of their own, such as mask scores.</summary>
/// <param name="Name">The group's name in logs and checkpoints.</param>
/// <param name="Parameters">Its parameters.</param>
/// <param name="LearningRate">The peak learning rate; null for the run's.</param>
/// <param name="WeightDecay">The weight decay; null for the run's, which vectors are spared.</param>
public sealed record AdapterGroup(
    string Name, IReadOnlyList<Parameter> Parameters, double? LearningRate = null, double? WeightDecay = null)
{
    /// <summary>What the peak learning rate is multiplied by: a rate that follows the run's, and a search for it.</summary>
    public double Factor { get; init; } = 1;
}

/// <summary>What a method may know about the training that begins.</summary>
/// <param name="Steps">The number of optimizer steps of the whole run, those before a resumption included.</param>
public sealed record TrainingPlan(int Steps);

/// <summary>
/// One attached method: its parts by site and what they share. It owns its parameters; the backbone it was made for stays as it is.
/// Thread contract: any number of passes may read it at once; only training changes it.
/// </summary>
public sealed class Adapter : Module
{
    internal Adapter(string name, PeftMethod method, PeftConfig config, IReadOnlyList<string> tasks, PartMap parts)
    {
        Name = name;
        Method = method;
        Config = config;
        Tasks = tasks;
        Parts = parts;
    }

    /// <summary>The adapter's name.</summary>
    public string Name { get; }

    /// <summary>Its method.</summary>
    public PeftMethod Method { get; }

    /// <summary>Its settings.</summary>
    public PeftConfig Config { get; }

    /// <summary>The tasks it holds, for which it is trained together; empty for a single one without a name of its own.</summary>
    public IReadOnlyList<string> Tasks { get; }

    /// <summary>The task that a parameter or buffer belongs to alone; null for what all tasks share.</summary>
    /// <param name="path">Its path below this adapter.</param>
    public string? TaskOf(string path) =>
        ByTask.Find(t => path.StartsWith(t.Key, StringComparison.Ordinal) && path.Length > t.Key.Length && path[t.Key.Length] == '.').Task;

    /// <summary>Parameters that train with settings of their own; the rest trains with the run's.</summary>
    public IReadOnlyList<AdapterGroup> Groups => OwnGroups;

    /// <summary>Whether training passes have the method's own terms of the loss; false while a new task is fitted to what others made of them.</summary>
    internal bool HasAuxiliaryLosses { get; set; } = true;

    /// <summary>The adapters that rows with this composition are computed with, one output row each; empty for what gives a row one output.</summary>
    public IReadOnlyList<Adapter> Branches { get; internal init; } = [];

    /// <summary>The adapters whose parts this composition reads; empty for an adapter that is none.</summary>
    internal IReadOnlyList<Adapter> Children { get; init; } = [];

    /// <summary>The adapters that prepare a pass and add to its loss: this one, or those that a composition is made of.</summary>
    internal IEnumerable<Adapter> Leaves => Children.Count == 0 ? [this] : Children.SelectMany(c => c.Leaves).Distinct();

    internal PartMap Parts { get; }

    internal List<AdapterGroup> OwnGroups { get; } = [];

    /// <summary>The keys of modules that belong to one task.</summary>
    internal List<(string Key, string Task)> ByTask { get; } = [];

    internal List<Action<AdapterPass, IReadOnlyList<RowGroup>>> Preparations { get; } = [];

    internal List<AuxiliaryLoss> AuxiliaryLosses { get; } = [];

    internal List<Action<AdapterPass, IReadOnlyList<RowGroup>, BackboneOutput>> Showings { get; } = [];

    internal Action<TrainingPlan>? BeforeTraining { get; set; }

    /// <summary>The parts by the keys that their parameters begin with, in the order in which they were put.</summary>
    internal List<(string Key, Part Part)> PartsByKey { get; } = [];

    /// <summary>The modules that parts share, those of one task alone among them, by the keys that their parameters begin with.</summary>
    internal List<(string Key, Module Module)> SharedByKey { get; } = [];

    internal Action<int>? BeforeStep { get; set; }

    internal Action<int>? AfterStep { get; set; }

    /// <summary>Tells the method about the training that begins or resumes; the trainer calls it once, before the first step.</summary>
    /// <param name="plan">The plan.</param>
    /// <exception cref="GraftException">The method's settings do not fit the plan.</exception>
    public void BeginTraining(TrainingPlan plan) => BeforeTraining?.Invoke(plan);

    /// <summary>Acts before an optimizer step; the trainer calls it while gradients are valid.</summary>
    /// <param name="step">The step's number from 1.</param>
    public void BeforeOptimizerStep(int step) => BeforeStep?.Invoke(step);

    /// <summary>Acts after an optimizer step; the trainer calls it while gradients are valid.</summary>
    /// <param name="step">The step's number from 1.</param>
    public void AfterOptimizerStep(int step) => AfterStep?.Invoke(step);

    /// <summary>Lets parameters train with settings of their own, whatever group they were in.</summary>
    internal void Regroup(AdapterGroup group)
    {
        for (var i = 0; i < OwnGroups.Count; i++)
        {
            OwnGroups[i] = OwnGroups[i] with { Parameters = [.. OwnGroups[i].Parameters.Except(group.Parameters)] };
        }

        OwnGroups.RemoveAll(g => g.Parameters.Count == 0);
        OwnGroups.Add(group);
    }

    internal void Put(Site site, Part part, string? name)
    {
        var key = name is null ? site.Path : $"{site.Path}.{name}";
        if (PartsByKey.Exists(p => p.Key == key))
        {
            throw new GraftException($"{Method.Name} has two parts at '{key}'; choose parts that act at different places.");
        }

        AddChild(key, part);
        PartsByKey.Add((key, part));
        Parts.Add(site, part);
    }

    internal void AddShared(string key, Module module)
    {
        AddChild("shared." + key, module);
        SharedByKey.Add(("shared." + key, module));
    }

    internal void AddOfTask(string task, string key, Module module)
    {
        var whole = $"tasks.{task}.{key}";
        AddChild(whole, module);
        SharedByKey.Add((whole, module));
        ByTask.Add((whole, task));
    }

    /// <summary>The task of a row that names <paramref name="task"/>.</summary>
    /// <exception cref="ArgumentException">The adapter does not hold it, or holds several and none is named.</exception>
    internal string? Task(string? task) => task switch
    {
        null when !Method.SharesAcrossTasks => null,
        null => Tasks.Count == 1 ? Tasks[0] : throw new ArgumentException(
            $"The adapter '{Name}' holds {Tasks.Count} tasks ({string.Join(", ", Tasks)}), and a row names none of them; name the row's task.", nameof(task)),
        _ => Tasks.Contains(task, StringComparer.Ordinal) ? task : throw new ArgumentException(
            $"The adapter '{Name}' does not hold the task '{task}'; it holds {(Tasks.Count == 0 ? "none by name" : string.Join(", ", Tasks))}.", nameof(task)),
    };

    internal void Prepare(AdapterPass pass)
    {
        foreach (var prepare in Preparations)
        {
            prepare(pass, GroupsOf(pass));
        }
    }

    /// <summary>Ends a pass: sums the terms of the loss while training, and shows what the adapter shows of it otherwise.</summary>
    /// <returns>The sum; null where there are no terms.</returns>
    internal Tensor? Finish(AdapterPass pass, BackboneOutput output)
    {
        Tensor? sum = null;
        if (!pass.Training)
        {
            Showings.ForEach(show => show(pass, GroupsOf(pass), output));
            return null;
        }

        foreach (var loss in HasAuxiliaryLosses ? AuxiliaryLosses : [])
        {
            if (loss(pass, GroupsOf(pass), output) is { } term)
            {
                sum = sum is null ? term : sum + term;
            }
        }

        return sum;
    }

    private List<RowGroup> GroupsOf(AdapterPass pass) => [.. pass.Groups.Where(g => g.Parts is { } parts && parts.Uses(Parts))];
}
