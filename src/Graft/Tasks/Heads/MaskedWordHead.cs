using Graft.Backbones;
using Graft.Torch;

namespace Graft.Tasks.Heads;

/// <summary>
/// The head that predicts masked words: <c>norm(act(h Wᵀ + b)) Eᵀ + c</c>, with the word embeddings E of the pass as its decoder, so that the two stay
/// tied whoever trains them. It is the pretrained one where the model's files have it, else a new one: W from N(0, 0.02²), b and c zero, the norm the
/// identity's. Thread contract: read concurrently, changed only by training.
/// </summary>
public sealed class MaskedWordHead : Module
{
    private const double InitialDeviation = 0.02;

    private readonly MaskedHeadFormat _format;
    private readonly Parameter _weight;
    private readonly Parameter _shift;
    private readonly Parameter _gain;
    private readonly Parameter _normShift;
    private readonly Parameter _bias;

    private MaskedWordHead(MaskedHeadFormat format, bool isPretrained, Func<string, long[], Tensor> take, int width, int words)
    {
        (_format, IsPretrained) = (format, isPretrained);
        _weight = AddParameter("dense.weight", take(format.Dense + ".weight", [width, width]));
        _shift = AddParameter("dense.bias", take(format.Dense + ".bias", [width]));
        _gain = AddParameter("norm.weight", take(format.Norm + ".weight", [width]));
        _normShift = AddParameter("norm.bias", take(format.Norm + ".bias", [width]));
        _bias = AddParameter("bias", take(format.Bias, [words]));
    }

    /// <summary>Whether it was in the model's files.</summary>
    public bool IsPretrained { get; }

    /// <summary>The head of a model folder, or a new one where the folder has none.</summary>
    /// <param name="folder">The folder that the backbone was loaded from.</param>
    /// <param name="backbone">The backbone, which is pretrained with such a head.</param>
    /// <param name="rng">The generator of a new head's values.</param>
    /// <exception cref="GraftException">The folder has a part of the head, one that is misshapen, or one whose decoder is not the word embeddings.</exception>
    public static MaskedWordHead Load(string folder, Backbone backbone, Rng rng)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        var format = backbone.MaskedHead ?? throw new ArgumentException($"A {backbone.Config.ModelType} backbone is not pretrained by masked words.", nameof(backbone));
        var (width, words) = (backbone.Config.HiddenSize, backbone.Config.VocabularySize);
        using var scope = new TensorScope();
        using var files = WeightFiles.Open(folder);
        var keys = new[] { format.Dense + ".weight", format.Dense + ".bias", format.Norm + ".weight", format.Norm + ".bias", format.Bias };
        var found = keys.Where(k => Stored(files, k) is not null).ToList();
        if (found.Count == 0)
        {
            return new MaskedWordHead(format, isPretrained: false, New, width, words);
        }

        if (found.Count < keys.Length)
        {
            throw new GraftException(
                $"'{folder}' has a part of the head for masked words, and lacks {string.Join(", ", keys.Except(found, StringComparer.Ordinal))}; take the model's files again.");
        }

        RequireTied(folder, files, format, backbone);
        return new MaskedWordHead(format, isPretrained: true, Load, width, words);

        Tensor New(string key, long[] shape) => (key.EndsWith(".weight", StringComparison.Ordinal)
            ? shape.Length == 2 ? rng.Normal(shape, 0, InitialDeviation) : Tensor.Ones(shape)
            : Tensor.Zeros(shape)).Unscoped();

        Tensor Load(string key, long[] shape)
        {
            var (file, stored) = Stored(files, key)!.Value;
            var has = file.Info(stored).Shape;
            return has.SequenceEqual(shape)
                ? file.Load(stored).To(DType.Float32).Clone().Unscoped()
                : throw new GraftException($"'{folder}': {stored} is [{string.Join(", ", has)}], expected [{string.Join(", ", shape)}]; take the model's files again.");
        }
    }

    /// <summary>The scores of all words.</summary>
    /// <param name="states">[M, W], floating: the last hidden states where words were masked.</param>
    /// <param name="words">[V, W], floating: the word embeddings.</param>
    /// <returns>[M, V], float32.</returns>
    public Tensor Forward(Tensor states, Tensor words)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(words);
        var hidden = Activations.Get(_format.Activation)(F.Linear(states.To(_weight.Value.DType), _weight, _shift));
        var norm = F.LayerNorm(hidden, _gain, _normShift, _format.NormEpsilon);

        // The product with all words is the head's cost, and of the pass's type.
        return F.Linear(norm.To(words.DType), words).To(norm.DType) + _bias;
    }

    /// <summary>The head by the keys of its Hugging Face class; its decoder is the word embeddings and not repeated.</summary>
    /// <returns>Borrowed tensors.</returns>
    internal IReadOnlyList<(string Key, Tensor Value)> Export() =>
    [
        (_format.Dense + ".weight", _weight.Value), (_format.Dense + ".bias", _shift.Value),
        (_format.Norm + ".weight", _gain.Value), (_format.Norm + ".bias", _normShift.Value), (_format.Bias, _bias.Value),
    ];

    // Old TensorFlow exports call norm parameters gamma and beta.
    private static (SafetensorsFile File, string Key)? Stored(WeightFiles files, string key)
    {
        var old = key.Replace("LayerNorm.weight", "LayerNorm.gamma", StringComparison.Ordinal).Replace("LayerNorm.bias", "LayerNorm.beta", StringComparison.Ordinal);
        return files.ByKey.TryGetValue(key, out var file) ? (file, key) : files.ByKey.TryGetValue(old, out file) ? (file, old) : null;
    }

    private static void RequireTied(string folder, WeightFiles files, MaskedHeadFormat format, Backbone backbone)
    {
        if (!files.ByKey.TryGetValue(format.Decoder + ".weight", out var file))
        {
            return;
        }

        var words = files.ByKey.Where(p => p.Key.EndsWith("embeddings.word_embeddings.weight", StringComparison.Ordinal)).Select(p => (p.Value, p.Key)).FirstOrDefault();
        if (words.Value is null || !words.Value.Bytes(words.Key).SequenceEqual(file.Bytes(format.Decoder + ".weight")))
        {
            throw new GraftException(
                $"'{folder}': {format.Decoder}.weight is not the word embeddings, and Graft's head for masked words of {backbone.Config.ModelType} is tied to them; choose a model with tied embeddings.");
        }
    }
}
