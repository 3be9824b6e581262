using System.Security.Cryptography;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>Writes and reads the state of a module, parameters and the buffers it computes with, as one safetensors file.</summary>
internal static class PackageWeights
{
    public static PackageFile Write(string path, Module module)
    {
        var state = State(module);
        SafetensorsWriter.Write(path, state.Select(s => SafetensorsEntry.From(s.Key, s.Value)));
        return new PackageFile(module.Parameters().Where(p => p.Trainable).Sum(p => p.Value.Count), new FileInfo(path).Length, Hash(path));
    }

    public static void Read(string path, Module module, PackageFile expected)
    {
        using var file = SafetensorsFile.Open(path);
        var state = State(module);
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
                $"'{path}' is not the file that {AdapterPackage.ManifestName} was written with (its SHA-256 differs); take the package from where it was trained again.");
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
                $"The weights in '{path}' do not fit the method and backbone of its {AdapterPackage.ManifestName} " +
                $"({report.Loaded.Count} loaded): {report.Faults}; take the package from where it was trained again.");
        }
    }

    /// <summary>Parameters, then buffers, by path; borrowed.</summary>
    public static List<(string Key, Tensor Value)> State(Module module) =>
    [
        .. module.NamedParameters().Select(p => (p.Path, p.Parameter.Value)),
        .. module.NamedBuffers().Where(b => b.Buffer.Kind == BufferKind.State).Select(b => (b.Path, b.Buffer.Value)),
    ];
}
