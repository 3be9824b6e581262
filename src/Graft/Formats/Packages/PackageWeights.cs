using System.Security.Cryptography;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>Writes and reads the state of a module, parameters and the buffers it computes with, as one safetensors file.</summary>
internal static class PackageWeights
{
    /// <summary>Writes a module, or a part of it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="module">The module.</param>
    /// <param name="belongs">Whether a parameter or buffer is written, by its path; null for all.</param>
    public static PackageFile Write(string path, Module module, Func<string, bool>? belongs = null)
    {
        SafetensorsWriter.Write(path, State(module, belongs).Select(s => SafetensorsEntry.From(s.Key, s.Value)));
        var trained = module.NamedParameters().Where(p => p.Parameter.Trainable && belongs?.Invoke(p.Path) != false).Sum(p => p.Parameter.Value.Count);
        return new PackageFile(trained, new FileInfo(path).Length, Hash(path));
    }

    /// <summary>Reads what <see cref="Write"/> wrote, every key and shape accounted for.</summary>
    /// <param name="path">The file.</param>
    /// <param name="module">The module.</param>
    /// <param name="expected">What the manifest says of the file.</param>
    /// <param name="belongs">Whether a parameter or buffer is in the file, by its path; null for all.</param>
    public static void Read(string path, Module module, PackageFile expected, Func<string, bool>? belongs = null)
    {
        using var file = SafetensorsFile.Open(path);
        var state = State(module, belongs);
        CheckKeys(path, file, state);
        CheckHash(path, expected);
        using var frozen = Autograd.NoGrad();
        foreach (var (key, value) in state)
        {
            using var scope = new TensorScope();
            value.Copy_(file.Load(key));
        }
    }

    public static void CheckHash(string path, PackageFile expected)
    {
        if (new FileInfo(path).Length != expected.Bytes || Hash(path) != expected.Sha256)
        {
            throw new GraftException(
                $"'{path}' is not the file that its manifest was written with (its SHA-256 differs); take the package from where it was trained again.");
        }
    }

    private static string Hash(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"'{path}' cannot be read ({e.Message.TrimEnd('.')}); check the disk and its permissions.", e);
        }
    }

    private static void CheckKeys(string path, SafetensorsFile file, IReadOnlyList<(string Key, Tensor Value)> state)
    {
        var report = KeyReport.Compare(file, [.. state.Select(s => (s.Key, (IReadOnlyList<long>)s.Value.Shape.ToArray(), s.Value.DType))]);
        if (!report.IsClean)
        {
            throw new GraftException(
                $"The weights in '{path}' do not fit the method and backbone of its manifest " +
                $"({report.Loaded.Count} loaded): {report.Faults}; take the package from where it was trained again.");
        }
    }

    /// <summary>Parameters, then buffers, by path; borrowed.</summary>
    public static List<(string Key, Tensor Value)> State(Module module, Func<string, bool>? belongs = null) =>
    [
        .. All(module).Where(s => belongs?.Invoke(s.Key) != false),
    ];

    private static IEnumerable<(string Key, Tensor Value)> All(Module module) =>
    [
        .. module.NamedParameters().Select(p => (p.Path, p.Parameter.Value)),
        .. module.NamedBuffers().Where(b => b.Buffer.Kind == BufferKind.State).Select(b => (b.Path, b.Buffer.Value)),
    ];
}
