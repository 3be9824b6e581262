using System.Security.Cryptography;
using Graft.Torch;

namespace Graft.Formats.Packages;

/// <summary>Writes and reads the state of a module, parameters and buffers, as one safetensors file.</summary>
internal static class PackageWeights
{
    private const int KeysNamed = 8;

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
        var known = state.Select(s => s.Key).ToHashSet(StringComparer.Ordinal);
        var missing = state.Where(s => !file.Contains(s.Key)).Select(s => s.Key).ToList();
        var unexpected = file.Keys.Where(k => !known.Contains(k)).Order(StringComparer.Ordinal).ToList();
        var misshapen = state.Where(s => file.Contains(s.Key)).Select(s => Difference(s.Key, file.Info(s.Key), s.Value)).OfType<string>().ToList();
        if (missing.Count + unexpected.Count + misshapen.Count == 0)
        {
            return;
        }

        var faults = new[] { Listed("missing", missing), Listed("unexpected", unexpected), Listed("misshapen", misshapen) }.OfType<string>();
        throw new GraftException(
            $"The weights in '{path}' do not fit the method and backbone of its {AdapterPackage.ManifestName} " +
            $"({state.Count - missing.Count - misshapen.Count} loaded): {string.Join("; ", faults)}; take the package from where it was trained again.");
    }

    private static string? Difference(string key, TensorInfo found, Tensor wanted) =>
        !wanted.Shape.SequenceEqual(found.Shape) ? $"{key} is [{string.Join(", ", found.Shape)}], expected [{string.Join(", ", wanted.Shape.ToArray())}]"
        : found.DType != wanted.DType && !(found.DType.IsFloating() && wanted.DType.IsFloating()) ? $"{key} is {found.DType}, expected {wanted.DType}"
        : null;

    private static string? Listed(string what, IReadOnlyList<string> keys) => keys.Count == 0
        ? null
        : $"{keys.Count} {what}: {string.Join(", ", keys.Take(KeysNamed))}{(keys.Count > KeysNamed ? ", ..." : "")}";

    private static List<(string Key, Tensor Value)> State(Module module) =>
    [
        .. module.NamedParameters().Select(p => (p.Path, p.Parameter.Value)),
        .. module.NamedBuffers().Select(b => (b.Path, b.Buffer.Value)),
    ];
}
