using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Text;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>
/// The settings of a method: a positional record with a default for every value, JSON in snake_case. Immutable. Lists and other
/// configs inside a config are avoided, so that records compare by value. Numbers and choices are positional parameters, whose
/// defaults survive an empty object, or the method gives a preset; other init properties begin as null or zero.
/// </summary>
public abstract record PeftConfig;

/// <summary>Settings of a method that acts in blocks, some of which may be left out (AdapterDrop, Rücklé et al. 2021, arXiv 2010.11918).</summary>
public abstract record LayeredConfig : PeftConfig
{
    /// <summary>The blocks of each stack without parts of this method, numbered from 0.</summary>
    public LayerSet LeaveOut { get; init => field = value ?? LayerSet.None; } = LayerSet.None;

    /// <summary>Whether the method acts at a site.</summary>
    /// <param name="site">The site.</param>
    public virtual bool Covers(Site site) => !LeaveOut.Contains(site.Layer);
}

/// <summary>Settings with a gate.</summary>
public interface IGated
{
    /// <summary>Whether and how the method's parts are gated.</summary>
    GateMode Gate { get; }
}

/// <summary>Settings of a method that acts at linear maps.</summary>
public abstract record LinearConfig : LayeredConfig
{
    /// <summary>Paths of modules, joined by commas, to which the targets are narrowed; a path ends a site's path, as in HF PEFT. Empty for no narrowing.</summary>
    public string Modules { get; init => field = value ?? ""; } = "";

    /// <summary>The names in <see cref="Modules"/> that end no path of some linear maps.</summary>
    /// <param name="sites">The maps.</param>
    public IEnumerable<string> UnknownModules(IReadOnlyCollection<LinearSite> sites) => Names.Where(m => !sites.Any(s => Ends(s, m)));

    /// <inheritdoc/>
    public override bool Covers(Site site) => base.Covers(site) && (Modules.Length == 0 || Names.Any(m => Ends(site, m)));

    private string[] Names => Modules.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    private static bool Ends(Site site, string name) => site.Path == name || site.Path.EndsWith("." + name, StringComparison.Ordinal);
}

/// <summary>
/// A parameter-efficient method: a row of the registry, stateless and thread-safe. Its file holds everything about it: settings,
/// parts, attaching, the parameter formula, and its registration.
/// </summary>
public abstract class PeftMethod
{
    /// <summary>The method's name in commands and files, such as <c>lora</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What it does, in one line with its formula.</summary>
    public abstract string Summary { get; }

    /// <summary>Where it was published.</summary>
    public abstract string Source { get; }

    /// <summary>The settings with every default.</summary>
    public abstract PeftConfig Defaults { get; }

    /// <summary>The learning rate that suits the method where the user names none.</summary>
    public virtual double DefaultLearningRate => 1e-3;

    /// <summary>
    /// Whether the adapted model equals the backbone bitwise before the first training step with these settings. What reads padding works on it,
    /// where the backbone alone leaves it out, and so equals it up to rounding.
    /// </summary>
    /// <param name="config">The settings.</param>
    public virtual bool IsIdentityAtStart(PeftConfig config) => !ReadsPadding(config);

    /// <summary>
    /// Whether parts may rest in some training steps with these settings, as blocks that are dropped at random do. The trainer then does not
    /// refuse a parameter without a gradient at step 1, only one without any in the first epoch.
    /// </summary>
    /// <param name="config">The settings.</param>
    public virtual bool MayRest(PeftConfig config) => false;

    /// <summary>Whether answers depend on how far rows are padded, as those of gates do that average over padding.</summary>
    /// <param name="config">The settings.</param>
    public virtual bool ReadsPadding(PeftConfig config) => config is IGated { Gate: GateMode.Padded };

    /// <summary>
    /// The settings of the compact form that packages keep: other settings of the same method, whose parameters are computed from the
    /// trained ones (<see cref="IGenerated"/>) and which gives the same outputs. Training goes on from it as from any adapter with these
    /// settings. The same settings where there is no such form.
    /// </summary>
    /// <param name="config">The settings.</param>
    public virtual PeftConfig Stored(PeftConfig config) => config;

    /// <summary>
    /// The settings with which what a package keeps can be trained again where it only computes, such as masks from bits: other settings of the
    /// same method that give the same outputs. The same settings where all of it can be trained as it is.
    /// </summary>
    /// <param name="config">The settings of a stored adapter.</param>
    public virtual PeftConfig Trainable(PeftConfig config) => config;

    /// <summary>The methods that a union attaches and their settings, in order; none for a method that is no union.</summary>
    /// <param name="config">The settings.</param>
    public virtual IReadOnlyList<UnionPart> Parts(PeftConfig config) => [];

    /// <summary>
    /// Whether one adapter of this method holds several tasks, for which it is trained together: <see cref="Adapter.Tasks"/> are then never empty,
    /// and every row names its task, or belongs to the only one.
    /// </summary>
    public virtual bool SharesAcrossTasks => false;

    /// <summary>
    /// An adapter of another method that computes for its rows what <paramref name="adapter"/> computes for the rows of one task, such as the
    /// bottleneck adapters that a hypernetwork generates; null where the method has none.
    /// </summary>
    /// <param name="adapter">An adapter of this method; not changed.</param>
    /// <param name="task">One of its tasks.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <returns>A new adapter that the caller disposes, or null.</returns>
    public virtual Adapter? Standalone(Adapter adapter, string task, Backbone backbone) => null;

    /// <summary>The positions of the backbone that virtual tokens take, so that texts must be shorter by as many.</summary>
    /// <param name="config">The settings.</param>
    public virtual int PositionsTaken(PeftConfig config) => 0;

    /// <summary>Turns settings that are text into token ids, so that attaching needs no tokenizer.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    public virtual PeftConfig Resolve(PeftConfig config, Tokenizer tokenizer) => config;

    /// <summary>
    /// What a trained adapter of this method learnt, as pictures for a report. Without a method's own: how far parameters of the backbone
    /// moved, where parts can be folded into them, and how far gates open, where there are any.
    /// </summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="observed">What its parts showed over the rows of dev (<see cref="Observation"/>), means by name.</param>
    public virtual IReadOnlyList<MethodPicture> Pictures(Adapter adapter, IReadOnlyDictionary<string, double> observed) =>
        [.. SitePictures.Change(adapter), .. SitePictures.Gates(adapter, observed)];

    /// <summary>What weights in a file say beyond their numbers, such as how far masks overlap, by name; nothing without a method's own.</summary>
    /// <param name="config">The settings that are stored with them.</param>
    /// <param name="keys">The paths of the stored parameters and buffers; those of some tasks may be missing.</param>
    /// <param name="load">Loads one.</param>
    public virtual JsonObject Describe(PeftConfig config, IReadOnlyCollection<string> keys, Func<string, Tensor> load) => [];

    /// <summary>Reads settings; what the object does not name, or names as null, keeps its default.</summary>
    /// <param name="settings">The settings as JSON, or null for the defaults.</param>
    /// <param name="source">What to name in errors, such as the file.</param>
    /// <exception cref="GraftException">An unknown key, a value of the wrong kind or out of range.</exception>
    public abstract PeftConfig ReadConfig(JsonObject? settings, string source);

    /// <summary>The settings as JSON, every value written.</summary>
    /// <param name="config">The settings.</param>
    public abstract JsonObject WriteConfig(PeftConfig config);

    /// <summary>The number of trained parameters by the method's formula, without heads.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="sites">The backbone's sites.</param>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    public abstract long CountParameters(PeftConfig config, SiteMap sites, int tasks = 1);

    /// <summary>
    /// The bits that packages keep of an adapter by the method's formula, without heads: 32 for every parameter of the stored form unless the
    /// method keeps some values in fewer.
    /// </summary>
    /// <param name="config">The settings, as they are trained or as they are stored.</param>
    /// <param name="sites">The backbone's sites.</param>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    public virtual long CountStoredBits(PeftConfig config, SiteMap sites, int tasks = 1) =>
        CompactForm.BitsPerParameter * CountParameters(Stored(config), sites, tasks);

    /// <summary>Creates an adapter of this method on a backbone.</summary>
    /// <param name="backbone">The frozen model; it is not changed.</param>
    /// <param name="name">The adapter's name.</param>
    /// <param name="config">The settings.</param>
    /// <param name="rng">The generator of the initial values.</param>
    /// <param name="tasks">
    /// The tasks it will hold; none for a single one, which a method that shares across tasks then calls by the adapter's name.
    /// </param>
    /// <exception cref="GraftException">The backbone has no site that the settings ask for.</exception>
    /// <exception cref="ArgumentException">A task is named twice.</exception>
    public abstract Adapter Attach(Backbone backbone, string name, PeftConfig config, Rng rng, IReadOnlyList<string>? tasks = null);

    /// <summary>Puts the method's parts into an adapter, which may be another method's.</summary>
    internal abstract void AttachTo(AdapterBuilder builder, PeftConfig config);
}

/// <summary>A method with settings of type <typeparamref name="TConfig"/>.</summary>
/// <typeparam name="TConfig">The settings' record.</typeparam>
public abstract class PeftMethod<TConfig> : PeftMethod
    where TConfig : PeftConfig
{
    /// <inheritdoc/>
    public sealed override PeftConfig Defaults => field ??= Preset;

    /// <summary>The settings with every default: those of the record, unless several methods share a record and differ in them.</summary>
    protected virtual TConfig Preset => JsonSerializer.Deserialize("{}", Json)!;

    /// <summary>How the settings are read and written, from the method's own JSON context.</summary>
    protected abstract JsonTypeInfo<TConfig> Json { get; }

    /// <inheritdoc/>
    public sealed override PeftConfig ReadConfig(JsonObject? settings, string source)
    {
        if (settings is null)
        {
            return Defaults;
        }

        var known = Json.Properties.Select(p => p.Name).ToList();
        foreach (var (key, _) in settings)
        {
            if (!known.Contains(key, StringComparer.Ordinal))
            {
                throw new GraftException($"{source}: '{key}' is not a setting of {Name}; {Suggest.Hint(key, known)}");
            }
        }

        var whole = WriteConfig(Defaults);
        foreach (var (key, value) in settings.Where(s => s.Value is not null))
        {
            whole[key] = value!.DeepClone();
        }

        try
        {
            return whole.Deserialize(Json)!;
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            var reason = (e is JsonException ? e.InnerException ?? e : e).Message.Split(" Path: ", 2)[0].Split(" (Parameter", 2)[0].TrimEnd('.');
            throw new GraftException($"{source}: a setting of {Name} has a wrong value: {reason}; defaults are {WriteConfig(Defaults).ToJsonString()}.", e);
        }
    }

    /// <inheritdoc/>
    public sealed override JsonObject WriteConfig(PeftConfig config) =>
        JsonSerializer.SerializeToNode((TConfig)config, Json)!.AsObject();

    /// <inheritdoc/>
    public sealed override long CountParameters(PeftConfig config, SiteMap sites, int tasks = 1) =>
        CountParameters((TConfig)config, sites, tasks);

    /// <inheritdoc/>
    public sealed override Adapter Attach(
        Backbone backbone, string name, PeftConfig config, Rng rng, IReadOnlyList<string>? tasks = null)
    {
        tasks = tasks is null or { Count: 0 } ? SharesAcrossTasks ? [name] : [] : tasks;
        if (tasks.Distinct(StringComparer.Ordinal).Count() < tasks.Count)
        {
            throw new ArgumentException($"The adapter '{name}' would hold a task twice: {string.Join(", ", tasks)}.", nameof(tasks));
        }

        config = Settled((TConfig)config, tasks.Count);
        CheckSize(backbone, config, tasks.Count);
        using var scope = new TensorScope();
        var adapter = new Adapter(name, this, config, tasks, new PartMap(backbone.Sites));
        try
        {
            AttachTo(new AdapterBuilder(adapter, backbone, rng), config);
            adapter.MoveTo(backbone.Device);
            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    // Asking the system for more than it has ends the process, not the call.
    private void CheckSize(Backbone backbone, PeftConfig config, int tasks)
    {
        var count = CountParameters(config, backbone.Sites, Math.Max(1, tasks));
        var available = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (count * 4.0 > available)
        {
            throw new GraftException(
                $"{Name} would train {count:N0} parameters with these settings, {count * 4.0 / (1 << 30):N0} GiB, and this machine has {available / (double)(1 << 30):N0} GiB of memory; choose smaller ones.");
        }
    }

    internal sealed override void AttachTo(AdapterBuilder builder, PeftConfig config) => Attach(builder, (TConfig)config);

    /// <summary>
    /// The settings of an adapter of so many tasks, where one of them depends on that number: an adapter that gains or loses tasks later keeps them.
    /// </summary>
    /// <param name="config">The settings.</param>
    /// <param name="tasks">The number of tasks; 0 for methods of a single one.</param>
    protected virtual TConfig Settled(TConfig config, int tasks) => config;

    /// <summary>Puts the method's parts at the sites it asks for.</summary>
    /// <param name="builder">Gives sites, generator and names.</param>
    /// <param name="config">The settings.</param>
    protected abstract void Attach(AdapterBuilder builder, TConfig config);

    /// <summary>The number of trained parameters by the method's formula.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="sites">The backbone's sites.</param>
    /// <param name="tasks">The number of tasks that the adapter holds.</param>
    protected abstract long CountParameters(TConfig config, SiteMap sites, int tasks);
}
