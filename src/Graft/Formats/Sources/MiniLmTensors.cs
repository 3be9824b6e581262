namespace Graft.Formats.Sources;

/// <summary>Where one tensor of all-MiniLM-L6-v2 lies in the two packages. Immutable.</summary>
/// <param name="Key">Key in the Hugging Face folder.</param>
/// <param name="Shape">Shape there; matrices are [out, in].</param>
/// <param name="TfjsName">Name in the TensorFlow.js model.</param>
/// <param name="OnnxName">Name in the ONNX file; for a matrix the stem of its codes and scales.</param>
/// <param name="IsMatrix">True for the matrices of linear maps: [in, out] in TensorFlow.js, 4-bit codes in ONNX.</param>
internal sealed record MiniLmTensor(string Key, long[] Shape, string TfjsName, string OnnxName, bool IsMatrix)
{
    /// <summary>Number of elements.</summary>
    public int Count => (int)Shape.Aggregate(1L, (product, extent) => product * extent);
}

/// <summary>The 101 trained tensors of all-MiniLM-L6-v2 and their names in the two packages. Immutable.</summary>
internal static class MiniLmTensors
{
    /// <summary>The model's extents.</summary>
    public const int Layers = 6, Width = 384, Inner = 1536, Heads = 12, Vocabulary = 30522, Positions = 512;

    private const string TfjsRoot = "StatefulPartitionedCall/model/tf_bert_model/bert/";

    private static readonly (string Key, string Onnx, long Out, long In)[] s_maps =
    [
        ("attention.self.query", "attn.q_proj", Width, Width),
        ("attention.self.key", "attn.k_proj", Width, Width),
        ("attention.self.value", "attn.v_proj", Width, Width),
        ("attention.output.dense", "attn.o_proj", Width, Width),
        ("intermediate.dense", "mlp.fc1", Inner, Width),
        ("output.dense", "mlp.fc2", Width, Inner),
    ];

    private static readonly (string Key, string Onnx)[] s_norms =
    [
        ("attention.output.LayerNorm", "attention_output_norm_layernorm"),
        ("output.LayerNorm", "mlp_output_norm_layernorm"),
    ];

    /// <summary>All tensors, keys in ordinal order.</summary>
    public static IReadOnlyList<MiniLmTensor> All { get; } = [.. List().OrderBy(tensor => tensor.Key, StringComparer.Ordinal)];

    private static IEnumerable<MiniLmTensor> List()
    {
        yield return Table("word_embeddings", Vocabulary, "unknown");
        yield return Table("position_embeddings", Positions, "unknown_0");
        yield return Table("token_type_embeddings", 2, "unknown_1");
        foreach (var tensor in Norm("embeddings.LayerNorm", TfjsRoot + "embeddings/LayerNorm", "model.layers.-1.embeddings_norm_layernorm"))
        {
            yield return tensor;
        }

        for (var layer = 0; layer < Layers; layer++)
        {
            var (key, tfjs, onnx) = ($"encoder.layer.{layer}.", $"{TfjsRoot}encoder/layer_._{layer}/", $"model.layers.{layer}.");
            foreach (var map in s_maps)
            {
                var place = tfjs + map.Key.Replace('.', '/');
                yield return new MiniLmTensor($"{key}{map.Key}.weight", [map.Out, map.In], $"{place}/Tensordot/ReadVariableOp", onnx + map.Onnx, IsMatrix: true);
                yield return new MiniLmTensor($"{key}{map.Key}.bias", [map.Out], $"{place}/BiasAdd/ReadVariableOp", $"{onnx}{map.Onnx}.Add.bias", IsMatrix: false);
            }

            foreach (var tensor in s_norms.SelectMany(norm => Norm(key + norm.Key, tfjs + norm.Key.Replace('.', '/'), onnx + norm.Onnx)))
            {
                yield return tensor;
            }
        }
    }

    private static MiniLmTensor Table(string name, long rows, string tfjs) =>
        new($"embeddings.{name}.weight", [rows, Width], tfjs, $".model.embeddings.{name}.weight", IsMatrix: false);

    private static IEnumerable<MiniLmTensor> Norm(string key, string tfjs, string onnx) =>
    [
        new($"{key}.weight", [Width], $"{tfjs}/batchnorm/mul/ReadVariableOp", $"{onnx}.weight", IsMatrix: false),
        new($"{key}.bias", [Width], $"{tfjs}/batchnorm/ReadVariableOp", $"{onnx}.bias", IsMatrix: false),
    ];
}
