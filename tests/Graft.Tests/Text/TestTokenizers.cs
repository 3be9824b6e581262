using System.Collections.Concurrent;
using System.IO.Compression;
using Graft.TestKit;
using Graft.Text;

namespace Graft.Tests.Text;

/// <summary>The tokenizer files of <c>tests/fixtures/tokenizers</c>.</summary>
internal static class TestTokenizers
{
    private static readonly ConcurrentDictionary<string, Tokenizer> s_loaded = new(StringComparer.Ordinal);

    public static Tokenizer Load(string name) => s_loaded.GetOrAdd(name, static n => Parse(Bytes($"{n}.json.gz")));

    /// <summary>The tokenizer of a file's bytes.</summary>
    public static Tokenizer Parse(ReadOnlySpan<byte> json)
    {
        var path = Path.Combine(Path.GetTempPath(), $"graft-{Guid.NewGuid():N}.json");
        File.WriteAllBytes(path, json);
        try
        {
            return Tokenizer.FromTokenizerJson(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>The unpacked bytes of a fixture file.</summary>
    public static byte[] Bytes(string file)
    {
        using var packed = File.OpenRead(SharedData.Repository($"tests/fixtures/tokenizers/{file}"));
        using var gzip = new GZipStream(packed, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        gzip.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>The unpacked text of a fixture file.</summary>
    public static StreamReader Reader(string file) => new(new MemoryStream(Bytes(file)));
}
