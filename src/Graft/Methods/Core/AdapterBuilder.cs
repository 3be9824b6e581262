using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>
/// What a method uses to attach itself: it finds sites by role, puts parts there, and names what its parts share. Parameters are
/// called by the site's checkpoint path and the part's own key, such as <c>encoder.layer.0.attention.self.query.lora_A</c>.
/// </summary>
public sealed class AdapterBuilder
{
    private readonly Adapter _adapter;
    private readonly PeftMethod _method;
    private readonly PeftConfig _config;
    private readonly Dictionary<string, (Module Module, AdapterBuilder Owner)> _shared;

    internal AdapterBuilder(Adapter adapter, Backbone backbone, Rng rng)
    {
        (_adapter, _method, _config, _shared) = (adapter, adapter.Method, adapter.Config, new(StringComparer.Ordinal));
        Backbone = backbone;
        Rng = rng;
        CheckLayers();
        CheckModules();
    }

    private AdapterBuilder(AdapterBuilder outer, PeftMethod method, PeftConfig config)
    {
        (_adapter, _method, _config, _shared) = (outer._adapter, method, config, outer._shared);
        Backbone = outer.Backbone;
        Rng = outer.Rng;
        CheckLayers();
        CheckModules();
    }

    /// <summary>The frozen model.</summary>
    public Backbone Backbone { get; }

    /// <summary>The generator of initial values.</summary>
    public Rng Rng { get; }

    /// <summary>The tasks the adapter holds.</summary>
    public IReadOnlyList<string> Tasks => _adapter.Tasks;

    /// <summary>The linear maps with one of the roles that the settings do not leave out.</summary>
    /// <param name="targets">Roles, optionally narrowed by sublayers.</param>
    /// <exception cref="GraftException">The backbone has none.</exception>
    public IReadOnlyList<LinearSite> Linear(SiteRole targets) => Found(Backbone.Sites.Linear(targets).Where(Covered), targets);

    /// <summary>The sublayers of the given kinds that the settings do not leave out.</summary>
    /// <param name="sublayers">Sublayers.</param>
    /// <exception cref="GraftException">The backbone has none.</exception>
    public IReadOnlyList<HiddenSite> Hidden(SiteRole sublayers) => Found(Backbone.Sites.Hidden(sublayers).Where(Covered), sublayers);

    /// <summary>The attention sublayers of the given kinds that the settings do not leave out.</summary>
    /// <param name="sublayers">Self-attention, cross-attention or both.</param>
    /// <exception cref="GraftException">The backbone has none.</exception>
    public IReadOnlyList<KeyValueSite> KeyValue(SiteRole sublayers) => Found(Backbone.Sites.KeyValue(sublayers).Where(Covered), sublayers);

    /// <summary>Puts the parts of another method into this adapter; its parameters are called as they are in an adapter of its own.</summary>
    /// <param name="method">The method.</param>
    /// <param name="config">Its settings.</param>
    /// <exception cref="GraftException">The backbone lacks a site that it asks for, or two methods name parameters of one site alike.</exception>
    public void Attach(PeftMethod method, PeftConfig config) => method.AttachTo(new AdapterBuilder(this, method, config), config);

    /// <summary>Puts a part at a linear map.</summary>
    /// <param name="site">The site.</param>
    /// <param name="part">The part; it becomes a child of the adapter under the site's path.</param>
    /// <param name="name">What follows the path where one adapter puts several parts at a site; null for nothing.</param>
    public void Put(LinearSite site, LinearPart part, string? name = null) => _adapter.Put(site, part, name);

    /// <summary>Puts a part at a sublayer.</summary>
    /// <param name="site">The site.</param>
    /// <param name="part">The part; it becomes a child of the adapter under the site's path.</param>
    /// <param name="name">What follows the path where one adapter puts several parts at a site; null for nothing.</param>
    public void Put(HiddenSite site, HiddenPart part, string? name = null) => _adapter.Put(site, part, name);

    /// <summary>Puts virtual tokens at an attention.</summary>
    /// <param name="site">The site.</param>
    /// <param name="part">The part; it becomes a child of the adapter under the site's path.</param>
    /// <param name="name">What follows the path where one adapter puts several parts at a site; null for nothing.</param>
    public void Put(KeyValueSite site, KeyValuePart part, string? name = null) => _adapter.Put(site, part, name);

    /// <summary>Puts virtual tokens in front of a stack.</summary>
    /// <param name="site">The site.</param>
    /// <param name="part">The part; it becomes a child of the adapter under the site's path.</param>
    /// <param name="name">What follows the path where one adapter puts several parts at a site; null for nothing.</param>
    public void Put(EmbeddingSite site, EmbeddingPart part, string? name = null) => _adapter.Put(site, part, name);

    /// <summary>Replaces a parameter.</summary>
    /// <param name="site">The site.</param>
    /// <param name="part">The part; it becomes a child of the adapter under the parameter's path.</param>
    /// <param name="name">What follows the path where one adapter puts several parts at a site; null for nothing.</param>
    public void Put(ParameterSite site, ParameterPart part, string? name = null) => _adapter.Put(site, part, name);

    /// <summary>
    /// The module called <paramref name="key"/> that parts of this adapter share; made once, saved once under <c>shared.key</c>.
    /// Parts hold it by reference and do not register it as their child.
    /// </summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="key">Its name within the adapter.</param>
    /// <param name="make">Makes it on first use.</param>
    /// <exception cref="GraftException">Another method of a union calls a module of its own so.</exception>
    public T Shared<T>(string key, Func<T> make)
        where T : Module
    {
        if (!_shared.TryGetValue(key, out var shared))
        {
            shared = (make(), this);
            _shared.Add(key, shared);
            _adapter.AddShared(key, shared.Module);
        }

        // Two methods of a union must not share in silence what each sizes for its own sites.
        return ReferenceEquals(shared.Owner, this) ? (T)shared.Module : throw new GraftException(
            $"Two parts of {_adapter.Method.Name} share '{key}' under one name, each for itself; make one part of them, or train them as adapters of their own.");
    }

    /// <summary>
    /// A module that belongs to one task alone, saved under <c>tasks.TASK.key</c>; packages keep it in the task's own file. Parts hold it by
    /// reference and do not register it as their child.
    /// </summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="task">One of <see cref="Tasks"/>.</param>
    /// <param name="key">Its name within the task.</param>
    /// <param name="module">The module; owned by the adapter from now on.</param>
    public T OfTask<T>(string task, string key, T module)
        where T : Module
    {
        _adapter.AddOfTask(task, key, module);
        return module;
    }

    /// <summary>Calls <paramref name="prepare"/> once per pass, before the backbone runs; results go into the pass.</summary>
    /// <param name="prepare">
    /// Computes what the parts need for the pass, such as weights generated once per task; receives the pass and the groups that use
    /// this adapter.
    /// </param>
    public void Prepare(Action<AdapterPass, IReadOnlyList<RowGroup>> prepare) => _adapter.Preparations.Add(prepare);

    /// <summary>Adds a term to the training loss.</summary>
    /// <param name="loss">Computes a scalar, or null for none, after the backbone has run; called in training passes alone.</param>
    public void AuxiliaryLoss(AuxiliaryLoss loss) => _adapter.AuxiliaryLosses.Add(loss);

    /// <summary>Calls <paramref name="show"/> after every pass that does not train, to show what only a finished pass tells (<see cref="AdapterPass.Observe"/>).</summary>
    /// <param name="show">Receives the pass, the groups that use this adapter and the backbone's output, rows in the order of the groups.</param>
    public void AfterPass(Action<AdapterPass, IReadOnlyList<RowGroup>, BackboneOutput> show) => _adapter.Showings.Add(show);

    /// <summary>Calls <paramref name="begin"/> before a training's first step, for methods with a schedule of their own.</summary>
    /// <param name="begin">Receives the plan of the run.</param>
    public void BeforeTraining(Action<TrainingPlan> begin) => _adapter.BeforeTraining += begin;

    /// <summary>Calls hooks around each optimizer step; gradients are valid in both.</summary>
    /// <param name="before">Called before the step with the step's number from 1, or null.</param>
    /// <param name="after">Called after the step with the step's number from 1, or null.</param>
    public void AroundOptimizerStep(Action<int>? before = null, Action<int>? after = null)
    {
        _adapter.BeforeStep += before;
        _adapter.AfterStep += after;
    }

    /// <summary>Lets some parameters train with settings of their own.</summary>
    /// <param name="group">The parameters and their settings.</param>
    public void Group(AdapterGroup group) => _adapter.OwnGroups.Add(group);

    // A block that the backbone lacks is a mistake in the settings, which would otherwise train blocks that were to be left out.
    private void CheckLayers()
    {
        var blocks = Math.Max(Backbone.Config.Layers, Backbone.Config.Decoder?.Layers ?? 0);
        if (_config is LayeredConfig { LeaveOut: { Count: > 0 } left } && left.Max() is var last && last >= blocks)
        {
            throw new GraftException(
                $"{_method.Name}: leave_out has block {last}, and this {Backbone.Config.ModelType} backbone has blocks 0 to {blocks - 1}; name blocks that it has.");
        }
    }

    // A slip of the keys in a module's name would train something else, or with another rank, without a word.
    private void CheckModules()
    {
        if (_config is not LinearConfig config)
        {
            return;
        }

        var maps = Backbone.Sites.Linear(SiteRole.AllLinear).ToList();
        if (config.UnknownModules(maps).FirstOrDefault() is { } module)
        {
            var known = maps.SelectMany(s => Tails(s.Path)).Distinct(StringComparer.Ordinal).ToList();
            throw new GraftException($"{_method.Name}: modules has '{module}', with which no linear map's path ends; {Suggest.Hint(module, known)}");
        }

        if (config is LowRankConfig lowRank)
        {
            var updated = lowRank.Updated(Backbone.Sites).Select(s => s.Path).ToList();
            foreach (var (name, numbers) in new[] { ("rank_pattern", lowRank.RankPattern), ("alpha_pattern", lowRank.AlphaPattern) })
            {
                if (updated.Count > 0 && numbers.Unmatched(updated).FirstOrDefault() is { } pattern)
                {
                    throw new GraftException(
                        $"{_method.Name}: {name} has '{pattern}', which matches none of the {updated.Count} maps that are updated, such as '{updated[0]}'; correct it, or add the map to targets.");
                }
            }
        }
    }

    // What a user may write of a path: its last name, its last two names, and so on.
    private static IEnumerable<string> Tails(string path)
    {
        var names = path.Split('.');
        return Enumerable.Range(0, names.Length).Select(start => string.Join('.', names[start..]));
    }

    private bool Covered(Site site) => _config is not LayeredConfig config || config.Covers(site);

    private IReadOnlyList<T> Found<T>(IEnumerable<T> sites, SiteRole targets)
    {
        var found = sites.ToList();
        return found.Count > 0
            ? found
            : throw new GraftException(
                $"{_method.Name} asks for '{targets}', and this {Backbone.Config.ModelType} backbone has no such site that the settings do not leave out; choose other targets, or leave out less.");
    }
}
