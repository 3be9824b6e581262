using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Graft.Torch;

namespace Graft.Backbones;

/// <summary>Identifies a backbone by its weights.</summary>
internal static class Fingerprints
{
    public static string Compute(IEnumerable<(string Key, string FileKey)> used, WeightFiles files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (key, fileKey) in used.OrderBy(u => u.Key, StringComparer.Ordinal))
        {
            var file = files.ByKey[fileKey];
            AppendHeader(hash, key, file.Info(fileKey).Shape);
            hash.AppendData(file.Bytes(fileKey));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public static string Compute(IEnumerable<(string Path, Parameter Parameter)> parameters)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (path, parameter) in parameters.OrderBy(p => p.Path, StringComparer.Ordinal))
        {
            AppendHeader(hash, path, parameter.Value.Shape);
            using var scope = new TensorScope();
            hash.AppendData(parameter.Value.To(Device.Cpu).Contiguous().Bytes());
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void AppendHeader(IncrementalHash hash, string key, ReadOnlySpan<long> shape)
    {
        hash.AppendData(Encoding.UTF8.GetBytes(key));
        Span<byte> size = stackalloc byte[8];
        foreach (var dim in shape)
        {
            BinaryPrimitives.WriteInt64LittleEndian(size, dim);
            hash.AppendData(size);
        }
    }
}
