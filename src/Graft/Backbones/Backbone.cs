using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>A batch of token ids.</summary>
/// <param name="InputIds">[B, T], int64.</param>
/// <param name="Mask">[B, T], floating: 1 at real tokens, 0 at padding, nothing between; null when nothing is padded, which saves work.</param>
/// <param name="TypeIds">[B, T], int64: the segment of each token; null for all zero.</param>
public sealed record BackboneInput(Tensor InputIds, Tensor? Mask = null, Tensor? TypeIds = null)
{
    /// <summary>[B, S], int64: what the decoder of an encoder-decoder reads, start token first; null to run the encoder alone. Other backbones refuse it.</summary>
    public Tensor? DecoderIds { get; init; }

    /// <summary>What the encoder made of these rows before, in a pass with the same adapters: the decoder then runs alone. Null to run the encoder.</summary>
    public EncodedText? Encoded { get; init; }
}

/// <summary>
/// What a backbone computes, aligned with the input tokens (virtual tokens of prompts are already dropped). What stands at padding means nothing: a
/// state of padding, or that of some token of the row where padding was left out of the work.
/// </summary>
/// <param name="LastHiddenState">[B, T, W], floating: the last layer's output; of an encoder-decoder, the encoder's.</param>
/// <param name="HiddenStates">[B, T, W] each: the embedding output and every layer's, when asked for; otherwise null.</param>
/// <param name="Pooled">[B, W], floating: the pretrained pooler's output where it was loaded; otherwise null.</param>
public sealed record BackboneOutput(Tensor LastHiddenState, IReadOnlyList<Tensor>? HiddenStates = null, Tensor? Pooled = null)
{
    /// <summary>[B, S, W], floating: the decoder's last state at <see cref="BackboneInput.DecoderIds"/>; null where no decoder ran.</summary>
    public Tensor? Decoded { get; init; }

    /// <summary>[B, S, V], floating: the scores of the token that follows each of <see cref="BackboneInput.DecoderIds"/>; null where no decoder ran.</summary>
    public Tensor? Logits { get; init; }

    /// <summary>
    /// [V, W], floating: the word embeddings as this pass used them, which a head for masked words reads as its decoder; null where rows used different
    /// ones, and for a backbone whose <see cref="Backbone.MaskedHead"/> is null.
    /// </summary>
    public Tensor? Words { get; init; }

    /// <summary>What a decoder attends to, for further passes of it; null for a backbone without one.</summary>
    public EncodedText? Encoded { get; init; }
}

/// <summary>How a backbone is loaded.</summary>
/// <param name="DType">The type of the frozen weights; null keeps the file's.</param>
/// <param name="Device">Where the weights live; null for the CPU.</param>
/// <param name="Pooler">Whether to load the pretrained pooler of the first token too, for heads that read it.</param>
/// <param name="EncoderOnly">Whether to load an encoder-decoder's encoder alone, for heads that read its states; other backbones are loaded whole.</param>
public sealed record BackboneOptions(DType? DType = null, Device? Device = null, bool Pooler = false, bool EncoderOnly = false);

/// <summary>
/// A frozen pretrained model that calls its sites. It knows no method; its weights never change in training. Thread contract: any
/// number of passes may run at once, also with different adapters.
/// </summary>
public abstract class Backbone : Module
{
    private readonly Lazy<string> _fingerprint;
    private WeightFiles? _files;

    /// <summary>Creates the backbone's modules; the weights come from <paramref name="weights"/>.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="weights">Where the weights come from.</param>
    protected Backbone(BackboneConfig config, WeightSource weights)
    {
        Config = config;
        DType = weights.DType;
        Device = weights.Device;
        _files = weights.Files;
        _fingerprint = new Lazy<string>(() => Fingerprints.Compute(NamedParameters()));
    }

    /// <summary>The settings every part of the library may read.</summary>
    public BackboneConfig Config { get; }

    /// <summary>The head for masked words that this architecture is pretrained with; null for one that is pretrained otherwise.</summary>
    public virtual MaskedHeadFormat? MaskedHead => null;

    /// <summary>Every place where adaptation may happen.</summary>
    public SiteMap Sites { get; } = new();

    /// <summary>The type of the frozen weights and of hidden states.</summary>
    public DType DType { get; }

    /// <summary>Where the weights live.</summary>
    public Device Device { get; }

    /// <summary>
    /// SHA-256 over key, shape and bytes of every weight as loaded, in ordinal order of the keys, as hexadecimal digits. Packages
    /// carry it, so that an adapter is never applied to another model. Computed on first use.
    /// </summary>
    public string Fingerprint => _files?.Fingerprint ?? _fingerprint.Value;

    /// <summary>Loads the backbone of a Hugging Face model folder.</summary>
    /// <param name="folder">A folder with <c>config.json</c> and <c>model.safetensors</c> (or a sharded index).</param>
    /// <param name="options">Type and device; null for the file's type on the CPU.</param>
    /// <exception cref="GraftException">The folder, its settings or a weight is missing, misshapen or unsupported.</exception>
    public static Backbone Load(string folder, BackboneOptions? options = null)
    {
        if (!Directory.Exists(folder))
        {
            throw new GraftException($"The backbone folder '{folder}' does not exist; give a Hugging Face model folder, or run 'graft pull minilm'.");
        }

        var fields = ConfigFields.Load(folder);
        var architecture = Architectures.Find(fields, folder);
        var build = architecture.Read(fields);
        var weights = WeightSource.Open(folder, architecture, options ?? new BackboneOptions());
        Backbone? backbone = null;
        try
        {
            backbone = build(weights);
            weights.CheckAccounted();
            return backbone;
        }
        catch
        {
            backbone?.Dispose();
            weights.Files?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The backbone of a model folder without its weights, for counting and for asking what a method would do: its sites are right, every
    /// weight is zero and takes no memory, and it must not be changed. Only <c>config.json</c> is read.
    /// </summary>
    /// <param name="folder">A folder with <c>config.json</c>.</param>
    /// <exception cref="GraftException">The folder or its settings are missing or unsupported.</exception>
    public static Backbone OfShape(string folder)
    {
        var fields = ConfigFields.Load(folder);
        return Architectures.Find(fields, folder).Read(fields)(WeightSource.OfShape());
    }

    /// <summary>The backbone of settings that are in memory, without weights as <see cref="OfShape(string)"/>'s.</summary>
    /// <param name="config">The settings.</param>
    /// <param name="path">What messages call their file.</param>
    /// <exception cref="GraftException">A setting is missing or unsupported.</exception>
    internal static Backbone OfShape(JsonObject config, string path)
    {
        var fields = ConfigFields.Of(JsonSerializer.SerializeToElement(config), path);
        return Architectures.Find(fields, path).Read(fields)(WeightSource.OfShape());
    }

    /// <summary>The backbone of a model folder with random weights instead of the folder's, as its architecture begins pretraining.</summary>
    /// <param name="folder">A folder with <c>config.json</c>.</param>
    /// <param name="rng">The generator of the weights.</param>
    /// <exception cref="GraftException">The folder or its settings are missing or unsupported.</exception>
    public static Backbone Fresh(string folder, Rng rng)
    {
        var fields = ConfigFields.Load(folder);
        var architecture = Architectures.Find(fields, folder);
        var initial = architecture.Initial(fields);
        return architecture.Read(fields)(new WeightSource((key, shape) => initial(key, shape, rng)));
    }

    /// <summary>Computes the hidden states of a batch.</summary>
    /// <param name="input">The batch.</param>
    /// <param name="pass">What adapters do in this pass; null for the plain backbone in evaluation.</param>
    /// <param name="allHiddenStates">Whether to return every layer's output.</param>
    public abstract BackboneOutput Forward(BackboneInput input, AdapterPass? pass = null, bool allHiddenStates = false);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _files?.Dispose();
            _files = null;
        }
    }
}
