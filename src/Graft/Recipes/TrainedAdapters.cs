using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What an adapter is attached with: the method, its settings, and the trained adapters that it builds on or begins at. It owns those adapters.</summary>
internal sealed class TrainedAdapters : IDisposable
{
    private readonly PeftMethod _method;
    private readonly Backbone _backbone;
    private readonly List<Adapter> _adapters = [];
    private Func<Rng, (Adapter Adapter, IReadOnlyList<Parameter> Held)>? _given;
    private IReadOnlyList<Parameter> _held = [];
    private Adapter? _start;

    private TrainedAdapters(PeftMethod method, PeftConfig config, Backbone backbone) => (_method, Config, _backbone) = (method, config, backbone);

    /// <summary>The settings, with descriptions instead of places.</summary>
    public PeftConfig Config { get; private set; }

    /// <summary>The package that adapters begin at, as it is noted; null where they begin anew.</summary>
    public JsonObject? Origin { get; private init; }

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

    /// <summary>The package that adapters of a method are to begin at, its weights not read.</summary>
    /// <param name="place">The package.</param>
    /// <param name="method">The method.</param>
    /// <param name="output">Where the run is written, which may not hold the package; null where nothing is written.</param>
    /// <exception cref="GraftException">The package is at fault, of another method or in the output folder, or no other adapter of the method can begin at one.</exception>
    public static AdapterPackage Start(string place, PeftMethod method, string? output = null)
    {
        var package = AdapterPackage.Open(place);
        if (package.Manifest.Method != method.Name)
        {
            throw new GraftException($"'{place}' is an adapter of {package.Manifest.Method}, and {method.Name} is to begin at it; name the method {package.Manifest.Method}, or another start.");
        }

        if (method.SharesAcrossTasks || method is IBuildsOnAdapters)
        {
            throw new GraftException(
                $"An adapter of {method.Name} holds several tasks or is made of trained adapters, and no other begins at it; leave the start out{(method.SharesAcrossTasks ? ", or add a task to it with graft adapt" : "")}.");
        }

        return output is null || !RunFolder.Holds(output, package.Folder)
            ? package
            : throw new GraftException($"'{place}' lies in '{output}', which the run replaces; give another --out.");
    }

    /// <summary>The settings of adapters that begin at a package's: those that are given, and the package's own for the rest.</summary>
    /// <param name="package">The package; null where adapters begin anew.</param>
    /// <param name="set">The settings that are given; null for none.</param>
    public static JsonObject? Settings(AdapterPackage? package, JsonObject? set)
    {
        if (package is null)
        {
            return set;
        }

        var settings = package.Manifest.Config.DeepClone().AsObject();
        foreach (var (key, value) in set ?? [])
        {
            settings[key] = value?.DeepClone();
        }

        return settings;
    }

    /// <summary>Adapters that begin at the values of a trained one.</summary>
    /// <param name="package">Its package.</param>
    /// <param name="method">The method, which is the package's.</param>
    /// <param name="config">Its settings, which have to be the package's.</param>
    /// <param name="backbone">The backbone.</param>
    /// <exception cref="GraftException">The package has other settings or another backbone, or is damaged.</exception>
    public static TrainedAdapters At(AdapterPackage package, PeftMethod method, PeftConfig config, Backbone backbone)
    {
        var start = package.LoadAdapter(backbone);
        var trained = new TrainedAdapters(method, start.Config, backbone)
        {
            _start = start,
            Origin = new JsonObject { ["start"] = package.Place, ["sha256"] = (package.Manifest.SharedFile ?? package.Manifest.AdapterFile).Sha256 },
        };
        trained._adapters.Add(start);
        if (Differing(method.WriteConfig(method.Stored(config)), method.WriteConfig(start.Config)) is { } key)
        {
            trained.Dispose();
            throw new GraftException($"'{package.Place}' was trained with other settings of {method.Name} ('{key}'); leave its settings out to take its own, or name another start.");
        }

        return trained;
    }

    private static string? Differing(JsonObject one, JsonObject other) =>
        one.FirstOrDefault(setting => !JsonNode.DeepEquals(setting.Value, other[setting.Key])).Key;

    /// <summary>Adapters that are made otherwise than by attaching anew, such as a trained one with one more task.</summary>
    /// <param name="method">The method.</param>
    /// <param name="config">Its settings.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="attach">Makes an adapter, which the caller of <see cref="Attach"/> owns, and says which of its parameters are held back from training.</param>
    public static TrainedAdapters Given(
        PeftMethod method, PeftConfig config, Backbone backbone, Func<Rng, (Adapter Adapter, IReadOnlyList<Parameter> Held)> attach) =>
        new(method, config, backbone) { _given = attach };

    /// <summary>Attaches a new adapter, with the trained weights where it builds on them or begins at them.</summary>
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
            if (_start is not null)
            {
                using var scope = new TensorScope();
                using var frozen = Autograd.NoGrad();
                var values = CompactForm.State(_start).ToDictionary(s => s.Path, s => s.Value, StringComparer.Ordinal);
                CompactForm.Fill(adapter, _start, values, path => $"{_method.Name} trains '{path}', which an adapter with the same settings has not.");
            }
            else
            {
                (_method as IBuildsOnAdapters)?.TakeOver(adapter, _adapters);
            }

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
