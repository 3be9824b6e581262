using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What an adapter is attached with: the method, its settings, and the trained adapters that it builds on. It owns those adapters.</summary>
internal sealed class TrainedAdapters : IDisposable
{
    private readonly PeftMethod _method;
    private readonly Backbone _backbone;
    private readonly List<Adapter> _adapters = [];
    private Func<Rng, (Adapter Adapter, IReadOnlyList<Parameter> Held)>? _given;
    private IReadOnlyList<Parameter> _held = [];

    private TrainedAdapters(PeftMethod method, PeftConfig config, Backbone backbone) => (_method, Config, _backbone) = (method, config, backbone);

    /// <summary>The settings, with descriptions instead of places.</summary>
    public PeftConfig Config { get; private set; }

    /// <summary>Reads the packages that the settings name; none for methods that build on none.</summary>
    /// <exception cref="GraftException">A package is at fault, or the method cannot build on it.</exception>
    public static TrainedAdapters Load(PeftMethod method, PeftConfig config, Backbone backbone)
    {
        var trained = new TrainedAdapters(method, config, backbone);
        if (method is not IBuildsOnAdapters builds)
        {
            return trained;
        }

        try
        {
            foreach (var place in builds.Places(config))
            {
                trained._adapters.Add(AdapterPackage.Open(place).LoadAdapter(backbone));
            }

            if (trained._adapters.Count > 0)
            {
                trained.Config = builds.Describe(config, trained._adapters);
            }

            return trained;
        }
        catch
        {
            trained.Dispose();
            throw;
        }
    }

    /// <summary>Adapters that are made otherwise than by attaching anew, such as a trained one with one more task.</summary>
    /// <param name="method">The method.</param>
    /// <param name="config">Its settings.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="attach">Makes an adapter, which the caller of <see cref="Attach"/> owns, and says which of its parameters are held back from training.</param>
    public static TrainedAdapters Given(
        PeftMethod method, PeftConfig config, Backbone backbone, Func<Rng, (Adapter Adapter, IReadOnlyList<Parameter> Held)> attach) =>
        new(method, config, backbone) { _given = attach };

    /// <summary>Attaches a new adapter, with the trained weights where it builds on them.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="rng">The generator of its initial values.</param>
    /// <param name="tasks">The tasks that it holds; null for a single one.</param>
    public Adapter Attach(string name, Rng rng, IReadOnlyList<string>? tasks = null)
    {
        if (_given is not null)
        {
            (var given, _held) = _given(rng);
            return given;
        }

        var adapter = _method.Attach(_backbone, name, Config, rng, tasks);
        try
        {
            (_method as IBuildsOnAdapters)?.TakeOver(adapter, _adapters);
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <summary>Ends what held parameters back from training, once it is over: packages count what a method trains.</summary>
    public void Release()
    {
        foreach (var parameter in _held)
        {
            parameter.Trainable = true;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _adapters.ForEach(a => a.Dispose());
}
