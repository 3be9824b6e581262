using Graft.Torch;

namespace Graft.Formats.Foreign;

/// <summary>
/// One tensor of another library's file and the parameters of Graft that it holds: usually one, several where that library keeps them
/// joined. The same object reads and writes, so that both directions agree. Immutable.
/// </summary>
/// <param name="Key">Its key in the file.</param>
/// <param name="Shape">Its shape in the file.</param>
/// <param name="Join">Makes it from Graft's parameters by their paths.</param>
/// <param name="Split">Makes Graft's parameters of it.</param>
public sealed record ForeignTensor(
    string Key, IReadOnlyList<long> Shape, Func<IReadOnlyDictionary<string, Tensor>, Tensor> Join, Func<Tensor, IEnumerable<(string Path, Tensor Value)>> Split)
{
    /// <summary>The same tensor under another name.</summary>
    /// <param name="key">Its key in the file.</param>
    /// <param name="path">Its path in Graft.</param>
    /// <param name="shape">Its shape.</param>
    public static ForeignTensor Renamed(string key, string path, IReadOnlyList<long> shape) =>
        new(key, shape, weights => weights[path], tensor => [(path, tensor)]);

    /// <summary>The same elements in the same order under another name and shape.</summary>
    /// <param name="key">Its key in the file.</param>
    /// <param name="shape">Its shape in the file.</param>
    /// <param name="path">Its path in Graft.</param>
    /// <param name="own">Its shape in Graft.</param>
    public static ForeignTensor Reshaped(string key, IReadOnlyList<long> shape, string path, IReadOnlyList<long> own) => new(
        key, shape, weights => weights[path].Contiguous().Reshape([.. shape]), tensor => [(path, tensor.Contiguous().Reshape([.. own]))]);
}

/// <summary>Reads and writes files of foreign tensors, every key and shape accounted for. Stateless.</summary>
public static class ForeignWeights
{
    /// <summary>Reads a file into Graft's parameters.</summary>
    /// <param name="file">The file.</param>
    /// <param name="adapter">Every tensor of the adapter.</param>
    /// <param name="head">Every tensor of the head; empty for none.</param>
    /// <param name="what">What the keys have to fit, for the message: such as <c>its adapter_config.json and this bert backbone</c>.</param>
    /// <returns>Float32 tensors by path, of the adapter and of the head, and what became of the keys.</returns>
    /// <exception cref="GraftException">A key is missing, unexpected, or of another shape or type; the message lists them.</exception>
    public static (Dictionary<string, Tensor> Adapter, Dictionary<string, Tensor> Head, KeyReport Keys) Read(
        SafetensorsFile file, IReadOnlyList<ForeignTensor> adapter, IReadOnlyList<ForeignTensor> head, string what)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(head);
        var keys = KeyReport.Compare(file, [.. adapter.Concat(head).Select(t => (t.Key, t.Shape, DType.Float32))]);
        return keys.IsClean
            ? (Split(file, adapter), Split(file, head), keys)
            : throw new GraftException($"The weights in '{file.FilePath}' do not fit {what} ({keys.Loaded.Count} loaded): {keys.Faults}; take config and weights from the same adapter, and its own backbone.");
    }

    /// <summary>Writes a file as PyTorch's libraries do: float32, with the metadata <c>format: pt</c>.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Every tensor, with the parameters that it is made of.</param>
    /// <exception cref="GraftException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<(ForeignTensor Tensor, IReadOnlyDictionary<string, Tensor> Weights)> tensors)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        SafetensorsWriter.Write(
            path,
            tensors.Select(t => new SafetensorsEntry(t.Tensor.Key, DType.Float32, [.. t.Tensor.Shape], stream =>
            {
                using var scope = new TensorScope();
                SafetensorsEntry.From(t.Tensor.Key, t.Tensor.Join(t.Weights).To(DType.Float32)).WriteBytes(stream);
            })),
            new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt" });
    }

    private static Dictionary<string, Tensor> Split(SafetensorsFile file, IReadOnlyList<ForeignTensor> tensors)
    {
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var weights = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
        {
            foreach (var (path, value) in tensor.Split(file.Load(tensor.Key)))
            {
                // A copy of its own: parts of one tensor are views of it, and the file may be replaced.
                weights.Add(path, value.To(DType.Float32).Clone().Unscoped());
            }
        }

        return weights;
    }
}
