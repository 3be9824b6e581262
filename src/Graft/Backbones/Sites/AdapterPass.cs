using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>The parts of one adapter, by site. Built once when the method attaches; read-only afterwards.</summary>
public sealed class PartMap
{
    private readonly Part[]?[] _bySite;
    private bool _readsPadding;

    internal PartMap(SiteMap sites, IReadOnlyList<PartMap>? of = null)
    {
        (Sites, Of) = (sites, of ?? []);
        _bySite = new Part[]?[sites.Count];
    }

    /// <summary>The sites that parts may be at.</summary>
    internal SiteMap Sites { get; }

    /// <summary>What this map is composed of; empty for an adapter that is no composition.</summary>
    internal IReadOnlyList<PartMap> Of { get; }

    /// <summary>Whether parts of this map are means of several adapters' parts.</summary>
    internal bool IsMean { get; init; }

    /// <summary>Whether <paramref name="parts"/> are these parts or among those that they are composed of.</summary>
    internal bool Uses(PartMap parts) => ReferenceEquals(this, parts) || Of.Any(p => p.Uses(parts));

    /// <summary>Whether a part reads what stands at padding.</summary>
    internal bool ReadsPadding => _readsPadding || Of.Any(p => p.ReadsPadding);

    internal void Add(Site site, Part part)
    {
        _bySite[site.Index] = [.. _bySite[site.Index] ?? [], part];
        _readsPadding |= part.ReadsPadding;
    }

    /// <summary>The parts at <paramref name="site"/>, in the order in which the method put them.</summary>
    /// <param name="site">A site of the backbone the parts were attached to.</param>
    public ReadOnlySpan<Part> At(Site site) => _bySite[site.Index];
}

/// <summary>
/// Consecutive rows of a batch that use the same adapter and task. Parts receive their group: it tells the pass, the task, the
/// padding mask of its rows and the values of replaced parameters.
/// </summary>
public sealed class RowGroup
{
    internal RowGroup(int start, int count, PartMap? parts, string? task, int firstLayer = 0)
    {
        FirstLayer = firstLayer;
        Start = start;
        Count = count;
        Parts = parts;
        Task = task;
    }

    /// <summary>The first row of the group.</summary>
    public int Start { get; private set; }

    /// <summary>The number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>The task of the rows; set for methods that share across tasks, null for others unless the caller named one.</summary>
    public string? Task { get; }

    /// <summary>By how much the positions of these rows' tokens are shifted; 0 unless an adapter shifts them.</summary>
    public int PositionShift { get; private set; }

    /// <summary>The first block of each stack in which parts act; in the blocks before it the rows pass through the plain backbone.</summary>
    public int FirstLayer { get; }

    /// <summary>The pass this group belongs to.</summary>
    public AdapterPass Pass { get; internal set; } = null!;

    /// <summary>[B, T], floating: 1 at real tokens of these rows, 0 at padding; null when nothing is padded. Of the tokens that <see cref="AdapterPass.TokenMask"/> is of.</summary>
    public Tensor? Mask => Pass.TokenMask is { } mask ? OfBatch(mask) : null;

    /// <summary>[B, T], floating: 1 at real tokens of the text of these rows as it was given, 0 at padding; null when nothing is padded.</summary>
    public Tensor? InputMask => Pass.InputMask is { } mask ? OfBatch(mask) : null;

    /// <summary>
    /// Shifts the positions of these rows' tokens, as if <paramref name="positions"/> tokens stood in front: what passing a prefix as past
    /// keys and values does in Python. For adapters that prepare the pass; backbones without absolute positions ignore it.
    /// </summary>
    /// <param name="positions">By how much.</param>
    public void ShiftPositions(int positions) => PositionShift += positions;

    /// <summary>
    /// A value of each row that a causal stack takes from its first token: computed where that token is, remembered while a text is written
    /// token by token.
    /// </summary>
    /// <param name="owner">The part or module whose value it is; one value for each group of rows.</param>
    /// <param name="compute">[B, ...].</param>
    public Tensor Once(object owner, Func<Tensor> compute) => Pass.Cache is { } cache ? cache.Once((owner, this), compute) : compute();

    internal PartMap? Parts { get; }

    internal void Repeat(int times) => (Start, Count) = (Start * times, Count * times);

    internal ReadOnlySpan<Part> At(Site site) =>
        Parts is null || (site.Layer >= 0 && site.Layer < FirstLayer) ? default : Parts.At(site);

    /// <summary>The value that these rows use for a parameter: the backbone's, or what their adapter puts in its place.</summary>
    /// <param name="site">The parameter's site.</param>
    public Tensor? Resolve(ParameterSite site)
    {
        Tensor? value = site.Parameter?.Value;
        foreach (var part in At(site))
        {
            value = ((ParameterPart)part).Value(this, value);
        }

        return value;
    }

    /// <summary>The mean over the real tokens of each row.</summary>
    /// <param name="values">[B, T, C], or [1, n, C] where the pass is packed; floating: values of these rows' tokens.</param>
    /// <returns>[B, 1, C].</returns>
    public Tensor TokenMean(Tensor values) => Sites.TokenMean.Of(Pass.Packing is { } packing ? packing.Unpack(values, this) : values, Mask);

    /// <summary>A value of each row where its tokens are, for arithmetic with their states.</summary>
    /// <param name="values">[B, 1, C], floating.</param>
    /// <returns>The same, which spreads over [B, T, C] by itself; or [1, n, C] where the pass is packed.</returns>
    public Tensor PerToken(Tensor values) => Pass.Packing is { } packing ? packing.PerToken(values, this) : values;

    /// <summary>These rows' part of token states: [B, T, ...] of all rows, or [1, N, ...] where the pass is packed.</summary>
    internal Tensor Slice(Tensor states) => Pass.Groups.Count == 1 ? states
        : Pass.Packing is { } packing ? packing.Slice(states, this)
        : OfBatch(states);

    private Tensor OfBatch(Tensor batch) => Pass.Groups.Count == 1 ? batch : batch.Narrow(0, Start, Count);
}

/// <summary>A value that a part showed of a pass.</summary>
/// <param name="Rows">The rows it belongs to.</param>
/// <param name="Value">[B, ...]: one entry per row of the group; lives as long as the tensors of the pass.</param>
public sealed record Observation(RowGroup Rows, Tensor Value);

/// <summary>
/// One pass of a backbone: which rows use which adapter and task, whether dropout acts and with which generator, and what
/// adapters computed once for the pass. It is an argument of the pass, never ambient, so two passes with different adapters
/// may run at once on one backbone. Thread contract: used by one thread.
/// </summary>
public sealed class AdapterPass
{
    private readonly Dictionary<object, object> _state = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, IReadOnlyList<Observation>> _observations = new(StringComparer.Ordinal);

    internal AdapterPass(IReadOnlyList<RowGroup> groups, bool training, Rng? rng)
    {
        Groups = groups;
        Training = training;
        Rng = rng;
        foreach (var group in groups)
        {
            group.Pass = this;
        }
    }

    /// <summary>The groups of rows, in batch order, covering every row once.</summary>
    public IReadOnlyList<RowGroup> Groups { get; }

    /// <summary>Whether dropout acts.</summary>
    public bool Training { get; }

    /// <summary>The generator of the pass; null only when not training.</summary>
    public Rng? Rng { get; }

    /// <summary>
    /// [B, T], floating: 1 at real tokens, 0 at padding; null when nothing is padded. It is of the tokens that parts read where the pass stands:
    /// of the encoder's in the encoder, in the maps to keys and values of cross-attention and after the pass, of the decoder's in the decoder.
    /// </summary>
    public Tensor? TokenMask { get; private set; }

    /// <summary>
    /// Whether a token may know only those before it where the pass stands, as in a decoder. What reads a whole row there, such as a gate,
    /// must read its first token alone: else training would see the answer, and writing token by token would differ from a whole pass.
    /// </summary>
    public bool IsCausal { get; private set; }

    /// <summary>What the decoder remembers while it writes token by token; null where a pass reads whole texts.</summary>
    internal DecoderCache? Cache { get; init; }

    /// <summary>Repeats every row of the pass and of its cache, for the beams of a search.</summary>
    /// <param name="times">How often.</param>
    internal void Repeat(int times)
    {
        foreach (var group in Groups)
        {
            group.Repeat(times);
        }

        Cache!.Repeat(times);
    }

    /// <summary>How token states are packed where the pass stands; null where rows are padded to one length.</summary>
    internal TokenPacking? Packing { get; private set; }

    /// <summary>Whether some part reads padding, so that token states must keep it.</summary>
    internal bool ReadsPadding => Groups.Any(g => g.Parts is { ReadsPadding: true });

    /// <summary>Says which tokens parts read from here on.</summary>
    /// <param name="mask">[B, T], floating, or null when nothing is padded.</param>
    /// <param name="causal">Whether a token may know only those before it.</param>
    /// <param name="packing">How their states are packed; null where they are not.</param>
    internal void See(Tensor? mask, bool causal, TokenPacking? packing = null) => (TokenMask, IsCausal, Packing) = (mask, causal, packing);

    /// <summary>[B, T], floating: the mask of the texts as they were given, without virtual tokens; null when nothing is padded.</summary>
    public Tensor? InputMask { get; internal set; }

    /// <summary>Stores what <paramref name="owner"/> (an adapter) computed once for this pass.</summary>
    /// <param name="owner">The adapter or part that owns the value.</param>
    /// <param name="value">The value.</param>
    public void Set(object owner, object value) => _state[owner] = value;

    /// <summary>What <paramref name="owner"/> stored for this pass.</summary>
    /// <typeparam name="T">Its type.</typeparam>
    /// <param name="owner">The adapter or part that owns the value.</param>
    /// <exception cref="InvalidOperationException">Nothing was stored for this owner.</exception>
    public T Get<T>(object owner) => _state.TryGetValue(owner, out var value)
        ? (T)value
        : throw new InvalidOperationException($"{owner.GetType().Name} reads a value of this pass that its Prepare did not store.");

    /// <summary>What parts showed of this pass, by name, such as the gates of UniPELT per layer and submodule. Empty unless a part shows something.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<Observation>> Observations => _observations;

    /// <summary>Shows a value of this pass, without gradient history.</summary>
    /// <param name="name">Its name: the site's path and what it is, such as <c>encoder.layer.0.output.gate</c>.</param>
    /// <param name="rows">The rows it belongs to.</param>
    /// <param name="value">[B, ...]: one entry per row of the group.</param>
    public void Observe(string name, RowGroup rows, Tensor value)
    {
        var seen = _observations.TryGetValue(name, out var before) ? before : [];
        _observations[name] = [.. seen, new Observation(rows, value.Detach())];
    }

    /// <summary>Drops values out with probability <paramref name="p"/> while training (inverted scaling); otherwise returns <paramref name="x"/>.</summary>
    /// <param name="pass">The pass, or null for plain evaluation.</param>
    /// <param name="x">Any shape, floating.</param>
    /// <param name="p">The probability in [0, 1).</param>
    public static Tensor Dropout(AdapterPass? pass, Tensor x, double p) =>
        pass is { Training: true } && p > 0 ? F.Dropout(x, p, pass.Rng!) : x;

    /// <summary>Applies <paramref name="map"/> to the rows of each group and joins the results in batch order.</summary>
    /// <param name="batch">[B, ...]; or [1, N, ...] where the pass is packed.</param>
    /// <param name="map">Computes the rows of one group.</param>
    internal Tensor PerGroup(Tensor batch, Func<RowGroup, Tensor, Tensor> map)
    {
        if (Groups.Count == 1)
        {
            return map(Groups[0], batch);
        }

        var parts = new Tensor[Groups.Count];
        for (var i = 0; i < parts.Length; i++)
        {
            parts[i] = map(Groups[i], Groups[i].Slice(batch));
        }

        return Tensor.Cat(parts, Packing is null ? 0 : 1);
    }

    internal bool Touches(Site site)
    {
        foreach (var group in Groups)
        {
            if (!group.At(site).IsEmpty)
            {
                return true;
            }
        }

        return false;
    }
}
