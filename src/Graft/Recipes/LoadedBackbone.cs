using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Text;

namespace Graft.Recipes;

/// <summary>A backbone and its tokenizer, loaded once for any number of trainings. Thread-safe.</summary>
internal sealed class LoadedBackbone : IDisposable
{
    private LoadedBackbone(string folder, Backbone backbone, Tokenizer tokenizer) => (Folder, Backbone, Tokenizer) = (folder, backbone, tokenizer);

    /// <summary>The model's folder.</summary>
    public string Folder { get; }

    /// <summary>The frozen model.</summary>
    public Backbone Backbone { get; }

    /// <summary>Its tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>Loads a model.</summary>
    /// <param name="source">A model folder, or the name of a pulled model.</param>
    /// <param name="options">Type, device and pooler.</param>
    /// <exception cref="Graft.Torch.GraftException">The model is not there, or a file of it is at fault.</exception>
    public static LoadedBackbone Load(string source, BackboneOptions options)
    {
        var folder = ModelSources.Resolve(source);
        var tokenizer = Tokenizer.Load(folder);
        return new LoadedBackbone(folder, Backbone.Load(folder, options), tokenizer);
    }

    /// <inheritdoc/>
    public void Dispose() => Backbone.Dispose();
}
