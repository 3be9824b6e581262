using Graft.Backbones;

namespace Graft.Recipes.Comparing;

/// <summary>
/// The backbones of a plan, each loaded when it is asked for: the plan's own stays, of the others the last one, so that memory holds two however many
/// the plan names. It owns them. Thread contract: one thread.
/// </summary>
/// <param name="own">The plan's backbone, as it was asked for.</param>
/// <param name="options">Type and device.</param>
internal sealed class ComparisonBackbones(string own, BackboneOptions options) : IDisposable
{
    private readonly LoadedBackbone _own = LoadedBackbone.Load(own, options);
    private readonly Dictionary<string, string> _fingerprints = new(StringComparer.Ordinal);
    private (string Source, LoadedBackbone Loaded)? _other;

    /// <summary>The plan's backbone.</summary>
    public LoadedBackbone Own => _own;

    /// <summary>A backbone, to be used until another one is asked for.</summary>
    /// <param name="source">A model folder, or the name of a pulled model.</param>
    /// <exception cref="Graft.Torch.GraftException">The model is not there, or a file of it is at fault.</exception>
    public LoadedBackbone Of(string source)
    {
        if (source == own)
        {
            return _own;
        }

        if (_other is not { } held || held.Source != source)
        {
            _other?.Loaded.Dispose();
            _other = null;
            _other = (source, LoadedBackbone.Load(source, options));
        }

        return _other.Value.Loaded;
    }

    /// <summary>The fingerprint of a backbone.</summary>
    /// <param name="source">A model folder, or the name of a pulled model.</param>
    public string FingerprintOf(string source)
    {
        if (!_fingerprints.TryGetValue(source, out var fingerprint))
        {
            _fingerprints.Add(source, fingerprint = Of(source).Backbone.Fingerprint);
        }

        return fingerprint;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _own.Dispose();
        _other?.Loaded.Dispose();
    }
}
