using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>
/// Matrices W that several places of a backbone share, each under masks of its own: a place computes with <c>W ∘ M</c>. Masks are computed once
/// per pass, for the tasks of its rows.
/// </summary>
internal abstract class MaskedPrototype : Module, IGenerated, IRestored
{
    private readonly string? _onlyTask;
    private readonly bool _severalTasks;

    /// <summary>Makes the masks; a derived class adds the matrices.</summary>
    /// <param name="builder">Gives tasks and generator, and prepares passes.</param>
    /// <param name="key">What the prototype is called.</param>
    /// <param name="config">The settings.</param>
    /// <param name="matrices">The matrices.</param>
    /// <param name="places">The sites that share them, in the order of the forward pass.</param>
    protected MaskedPrototype(
        AdapterBuilder builder, string key, MaskedConfig config, IReadOnlyList<MaskedMatrix> matrices, IReadOnlyList<Site> places)
    {
        Key = key;
        Masks = AddChild("", new MaskSet(builder, key, config, matrices, places));
        _onlyTask = builder.Tasks is [var only] ? only : null;
        _severalTasks = builder.Tasks.Count > 1;
        builder.Prepare(Prepare);
        if (config.StaleMomentum)
        {
            builder.AroundOptimizerStep(before: _ => Masks.MoveUnused());
        }
    }

    /// <summary>What it is called.</summary>
    public string Key { get; }

    /// <summary>The masks.</summary>
    public MaskSet Masks { get; }

    /// <summary>Whether every row uses the same masks at a place, so that what stands there is a map of its own.</summary>
    public bool IsOfOneTask => !_severalTasks;

    /// <summary>A matrix as a place uses it for some rows.</summary>
    /// <param name="rows">The rows, in a pass that was prepared.</param>
    /// <param name="matrix">The matrix's number.</param>
    /// <param name="place">The place's number.</param>
    /// <returns>[rows, columns].</returns>
    public Tensor Matrix(RowGroup rows, int matrix, int place) =>
        rows.Pass.Get<Dictionary<string, Tensor[][]>>(this)[rows.Task ?? ""][matrix][place];

    /// <summary>The matrices as every place uses them for a task, outside of a pass.</summary>
    /// <param name="task">The task.</param>
    /// <returns>[rows, columns] by matrix and place.</returns>
    public Tensor[][] ForTask(string task) => Masks.Apply(Weights(), [task]).Values.Single();

    /// <summary>The matrices as one place uses them for the only task, outside of a pass.</summary>
    /// <param name="place">The place's number.</param>
    /// <returns>[rows, columns] by matrix.</returns>
    public Tensor[] ForPlace(int place) => Masks.At(Weights(), _onlyTask ?? "", place);

    /// <inheritdoc/>
    public virtual IEnumerable<(string Key, Tensor Value)> Generate() => Masks.Stored();

    /// <inheritdoc/>
    public IEnumerable<(string Key, Tensor Value)> Restore(Func<string, Tensor> stored) => Masks.Restore(stored);

    /// <summary>The matrices without masks.</summary>
    protected abstract IReadOnlyList<Tensor> Weights();

    private void Prepare(AdapterPass pass, IReadOnlyList<RowGroup> groups) =>
        pass.Set(this, Masks.Apply(Weights(), groups.Select(g => g.Task ?? "")));
}

/// <summary>What methods with prototypes have in common.</summary>
internal static class MaskedPrototypes
{
    /// <summary>Lets the scores of prototypes train at a multiple of the run's learning rate.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="config">The settings.</param>
    /// <param name="prototypes">The prototypes.</param>
    public static void TrainScores(this AdapterBuilder builder, string method, MaskedConfig config, IEnumerable<MaskedPrototype> prototypes)
    {
        var scores = prototypes.SelectMany(p => p.Masks.Scores).ToList();
        if (scores.Count > 0)
        {
            builder.Group(new AdapterGroup(method + ".scores", scores) { Factor = config.ScoreRateFactor });
        }
    }

    /// <summary>The prototypes of an adapter.</summary>
    /// <typeparam name="T">Their type.</typeparam>
    /// <param name="adapter">The adapter.</param>
    public static IEnumerable<T> Prototypes<T>(this Adapter adapter)
        where T : MaskedPrototype => adapter.SharedByKey.Select(m => m.Module).OfType<T>();
}
