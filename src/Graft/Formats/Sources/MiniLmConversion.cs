using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>The float32 weights of all-MiniLM-L6-v2, restored from its quantised copies. Immutable.</summary>
/// <param name="Tensors">Values by key, in ordinal order of the keys.</param>
/// <param name="Hash">SHA-256 of all values' bytes in that order.</param>
internal sealed record MiniLmWeights(IReadOnlyList<(MiniLmTensor Tensor, float[] Values)> Tensors, string Hash)
{
    /// <summary>Writes <c>model.safetensors</c>.</summary>
    public void Write(string path, string origin) => SafetensorsWriter.Write(
        path,
        Tensors.Select(pair => new SafetensorsEntry(pair.Tensor.Key, DType.Float32, pair.Tensor.Shape, stream => stream.Write(MemoryMarshal.AsBytes<float>(pair.Values)))),
        new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt", ["source"] = origin });
}

/// <summary>
/// Restores all-MiniLM-L6-v2: from the 8-bit copy alone, or from the 8-bit and the 4-bit copy together, which is nearer
/// to the published model. Thread-safe.
/// </summary>
internal static class MiniLmConversion
{
    /// <summary>SHA-256 of the weights restored from the 8-bit copy alone.</summary>
    public const string HashFromBytes = "6561572cc90d7727cf74f006290f8eb4094fa0bd42963979717f039c6908c409";

    /// <summary>SHA-256 of the weights restored from both copies.</summary>
    public const string HashFromBoth = "e759cb1a0a391bd642836e3382a008e616380e504ec8717b0320e6293b50b3ae";

    /// <summary>The weights from the 8-bit copy alone.</summary>
    /// <exception cref="GraftException">A tensor is missing or misshapen, or the result is not the pinned one.</exception>
    public static MiniLmWeights FromBytes(TfjsWeights bytes) =>
        Checked([.. MiniLmTensors.All.Select(tensor => (tensor, Dequantize(bytes, tensor)))], HashFromBytes);

    /// <summary>The weights from both copies: float32 tensors of the second, matrices from the intersection of the quantisation cells.</summary>
    /// <exception cref="GraftException">A tensor is missing or misshapen, the copies disagree, or the result is not the pinned one.</exception>
    public static MiniLmWeights FromBoth(TfjsWeights bytes, OnnxWeights nibbles)
    {
        RequireExpectedQuantization(nibbles);
        return Checked([.. MiniLmTensors.All.Select(tensor => (tensor, tensor.IsMatrix ? Intersect(bytes, nibbles, tensor) : Copy(nibbles, tensor)))], HashFromBoth);
    }

    private static float[] Dequantize(TfjsWeights bytes, MiniLmTensor tensor)
    {
        var values = new float[tensor.Count];
        Coarse(bytes, tensor).Dequantize(values, transposed: tensor.IsMatrix);
        return values;
    }

    private static float[] Copy(OnnxWeights nibbles, MiniLmTensor tensor) => nibbles.Get(tensor.OnnxName, isFloat: true, tensor.Shape).Floats.ToArray();

    private static float[] Intersect(TfjsWeights bytes, OnnxWeights nibbles, MiniLmTensor tensor)
    {
        var (rows, columns) = (tensor.Shape[0], tensor.Shape[1]);
        var blocks = columns / QuantizationCells.Block;
        var codes = nibbles.Get(tensor.OnnxName + ".MatMul.weight_Q4", isFloat: false, rows, blocks, QuantizationCells.Block / 2);
        var scales = nibbles.Get(tensor.OnnxName + ".MatMul.weight_scales", isFloat: true, rows * blocks);
        return QuantizationCells.Intersect(Coarse(bytes, tensor), codes.Data, scales.Floats.ToArray(), (int)rows, (int)columns, tensor.Key).Values;
    }

    private static TfjsTensor Coarse(TfjsWeights bytes, MiniLmTensor tensor) =>
        tensor.IsMatrix ? bytes.Get(tensor.TfjsName, tensor.Shape[1], tensor.Shape[0]) : bytes.Get(tensor.TfjsName, tensor.Shape);

    private static void RequireExpectedQuantization(OnnxWeights nibbles)
    {
        foreach (var node in nibbles.Nodes.Where(node => node.Operator == "MatMulNBits"))
        {
            var isExpected = node.Inputs.Count == 3
                && node.Integers.GetValueOrDefault("bits") == 4
                && node.Integers.GetValueOrDefault("block_size") == QuantizationCells.Block;
            if (!isExpected)
            {
                throw new GraftException("The ONNX file is quantised in another way than 4 bits in blocks of 32 without zero points; it is not the model that was expected.");
            }
        }
    }

    private static MiniLmWeights Checked(List<(MiniLmTensor Tensor, float[] Values)> tensors, string expected)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (_, values) in tensors)
        {
            hash.AppendData(MemoryMarshal.AsBytes<float>(values));
        }

        var actual = Convert.ToHexStringLower(hash.GetHashAndReset());
        return actual == expected
            ? new MiniLmWeights(tensors, actual)
            : throw new GraftException($"The restored weights have sha256 {actual}, expected {expected}; fetch the packages again, and if it stays so, this machine's arithmetic differs and the model must be copied from another.");
    }
}
