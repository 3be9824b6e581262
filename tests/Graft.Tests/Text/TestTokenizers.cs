using System.Collections.Concurrent;
using System.IO.Compression;
using Graft.Tests.Tasks;
using Graft.Text;

namespace Graft.Tests.Text;

/// <summary>The tokenizer files of <c>tests/fixtures/tokenizers</c>.</summary>
internal static class TestTokenizers
{
    private static readonly ConcurrentDictionary<string, Tokenizer> s_loaded = new(StringComparer.Ordinal);

    public static Tokenizer Load(string name) => s_loaded.GetOrAdd(name, static n =>
    {
        var path = Path.Combine(Path.GetTempPath(), $"graft-{Guid.NewGuid():N}.json");
        File.WriteAllBytes(path, Json(n));
        try
        {
            return Tokenizer.FromTokenizerJson(path);
        }
        finally
        {
            File.Delete(path);
        }
    });

    public static byte[] Json(string name)
    {
        using var file = File.OpenRead(SharedData.Repository($"tests/fixtures/tokenizers/{name}.json.gz"));
        using var gzip = new GZipStream(file, CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        gzip.CopyTo(bytes);
        return bytes.ToArray();
    }
}
