using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>
/// Which entries of a prototype's matrices each place of the backbone uses, for each task: the mask M_l of the place, the mask M_t of the task,
/// or both combined, <c>1 - (1 - M_t)(1 - M_l)</c>. Registers the masks of places as its own and those of a task with the task.
/// </summary>
internal sealed class MaskSet : Module
{
    private readonly MaskedConfig _config;
    private readonly bool _aliased;
    private readonly MaskTable? _layers;
    private readonly Dictionary<string, MaskTable> _tasks = new(StringComparer.Ordinal);

    /// <summary>Makes the masks and registers those of tasks.</summary>
    /// <param name="builder">Gives tasks and generator.</param>
    /// <param name="key">What the prototype is called among the modules of a task.</param>
    /// <param name="config">The settings.</param>
    /// <param name="matrices">The prototype's matrices.</param>
    /// <param name="places">The sites that share the prototype, in the order of the forward pass.</param>
    /// <exception cref="GraftException">Tasks are to have masks, and the adapter is part of one that holds none by name.</exception>
    public MaskSet(AdapterBuilder builder, string key, MaskedConfig config, IReadOnlyList<MaskedMatrix> matrices, IReadOnlyList<Site> places)
    {
        (_config, Matrices, Places) = (config, matrices, places);
        var tasks = builder.Tasks;
        _aliased = config.Aliased(tasks.Count);
        if (config.OfLayers && places.Count - (_aliased ? 1 : 0) is > 0 and var own)
        {
            _layers = AddChild("", new MaskTable(own, matrices, config, builder.Rng));
        }

        if (!config.OfTasks(tasks.Count))
        {
            return;
        }

        if (tasks.Count == 0)
        {
            throw new GraftException($"{key} has masks of tasks, and a union holds no tasks by name; set masked_by to 'layer', or train the method by itself.");
        }

        foreach (var task in tasks)
        {
            _tasks.Add(task, builder.OfTask(task, key, new MaskTable(1, matrices, config, builder.Rng)));
        }
    }

    /// <summary>The prototype's matrices.</summary>
    public IReadOnlyList<MaskedMatrix> Matrices { get; }

    /// <summary>The sites that share the prototype.</summary>
    public IReadOnlyList<Site> Places { get; }

    /// <summary>The tasks with masks of their own; none where all tasks have the same.</summary>
    public IReadOnlyCollection<string> Tasks => _tasks.Keys;

    /// <summary>The scores that train.</summary>
    public IEnumerable<Parameter> Scores => (_layers?.Scores ?? []).Concat(_tasks.Values.SelectMany(t => t.Scores));

    /// <summary>The prototype's matrices as each place uses them. The masks of places are computed once for all tasks.</summary>
    /// <param name="weights">[rows, columns] for each matrix.</param>
    /// <param name="tasks">The tasks; any names where no task has masks of its own.</param>
    /// <returns>For each task [rows, columns] by matrix and place.</returns>
    public Dictionary<string, Tensor[][]> Apply(IReadOnlyList<Tensor> weights, IEnumerable<string> tasks)
    {
        var ofPlaces = _config.OfLayers ? Layers(weights[0].DType) : null;
        var forAll = _tasks.Count == 0 ? Apply(weights, ofPlaces) : null;
        return tasks.Distinct(StringComparer.Ordinal).ToDictionary(
            task => task, task => forAll ?? Apply(weights, Combined(ofPlaces, weights[0].DType, task)), StringComparer.Ordinal);
    }

    /// <summary>The prototype's matrices as one place uses them; only its masks are computed.</summary>
    /// <param name="weights">[rows, columns] for each matrix.</param>
    /// <param name="task">The task; any name where no task has masks of its own.</param>
    /// <param name="place">The place's number.</param>
    /// <returns>[rows, columns] by matrix.</returns>
    public Tensor[] At(IReadOnlyList<Tensor> weights, string task, int place)
    {
        var ofPlace = _config.OfLayers ? Layer(weights[0].DType, place) : null;
        return Combined(ofPlace, weights[0].DType, task) is { } masks ? [.. weights.Zip(masks, (weight, mask) => weight * mask.Squeeze(0))] : [.. weights];
    }

    /// <summary>The masks of places alone, all matrices of one in a row: [N, entries]; null where places have none.</summary>
    public Tensor? OfPlaces() => _config.OfLayers ? Flat(Layers(DType.Float32)) : null;

    /// <summary>The masks of a task alone, all matrices in a row: [1, entries]; null where it has none.</summary>
    /// <param name="task">The task.</param>
    public Tensor? OfTask(string task) => _tasks.TryGetValue(task, out var table) ? Flat(table.Masks(DType.Float32)) : null;

    /// <summary>The masks that each place uses for a task, all matrices in a row: [N, entries], or [1, entries] where they are the same everywhere.</summary>
    /// <param name="task">The task.</param>
    public Tensor? InUse(string task) =>
        Combined(_config.OfLayers ? Layers(DType.Float32) : null, DType.Float32, task) is { } masks ? Flat(masks) : null;

    /// <summary>One mask of two.</summary>
    /// <param name="combination">How.</param>
    /// <param name="first">[...], zeros and ones.</param>
    /// <param name="second">[...], zeros and ones.</param>
    public static Tensor Combine(MaskCombination combination, Tensor first, Tensor second) => combination switch
    {
        MaskCombination.And => first * second,
        MaskCombination.Add => first + second,
        _ => 1.0 - ((1.0 - first) * (1.0 - second)),
    };

    /// <summary>What packages keep of the places' masks, by its key below this module; none where places have none.</summary>
    public IEnumerable<(string Key, Tensor Value)> Stored() => _config.OfLayers ? [(MaskTable.BitsKey, MaskTable.Pack(Layers(DType.Float32)))] : [];

    /// <summary>Scores of the places' masks from what packages keep, see <see cref="MaskTable.Restore"/>.</summary>
    public IEnumerable<(string Key, Tensor Value)> Restore(Func<string, Tensor> stored) => _layers?.Restore(stored) ?? [];

    /// <summary>Lets the optimizer move the scores of tasks that were not in the batch, see <see cref="MaskTable.MoveUnused"/>.</summary>
    public void MoveUnused()
    {
        foreach (var table in _tasks.Values)
        {
            table.MoveUnused();
        }
    }

    private Tensor[][] Apply(IReadOnlyList<Tensor> weights, Tensor[]? masks) => [.. weights.Select((weight, m) => masks is null
        ? [.. Places.Select(_ => weight)]
        : ByPlace((weight.Unsqueeze(0) * masks[m]).Unbind()))];

    private Tensor[]? Combined(Tensor[]? ofPlaces, DType dtype, string task)
    {
        var ofTask = _tasks.TryGetValue(task, out var table) ? table.Masks(dtype) : null;
        return ofTask is null || ofPlaces is null ? ofTask ?? ofPlaces : [.. ofTask.Zip(ofPlaces, (t, p) => Combine(_config.Combine, t, p))];
    }

    private Tensor[] Layers(DType dtype)
    {
        var own = _layers?.Masks(dtype);
        if (!_aliased)
        {
            return own!;
        }

        var first = _tasks.Values.Last().Masks(dtype);
        return own is null ? first : [.. first.Zip(own, (f, o) => Tensor.Cat([f, o], 0))];
    }

    private Tensor[] Layer(DType dtype, int place) => !_aliased ? _layers!.Masks(dtype, place)
        : place == 0 ? _tasks.Values.Last().Masks(dtype) : _layers!.Masks(dtype, place - 1);

    private Tensor[] ByPlace(Tensor[] weights) => weights.Length == Places.Count ? weights : [.. Places.Select(_ => weights[0])];

    private static Tensor Flat(Tensor[] masks) => Tensor.Cat([.. masks.Select(m => m.Detach().Flatten(1))], 1);
}
