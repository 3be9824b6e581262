using System.Formats.Tar;
using System.IO.Compression;
using System.Text;

namespace Graft.Tests.Formats.Sources;

/// <summary>Makes npm package archives.</summary>
internal static class TgzBuilder
{
    public static byte[] Of(params ReadOnlySpan<(string Name, string Content)> files)
    {
        using var bytes = new MemoryStream();
        using (var zip = new GZipStream(bytes, CompressionLevel.Fastest))
        using (var tar = new TarWriter(zip, TarEntryFormat.Ustar))
        {
            foreach (var (name, content) in files)
            {
                tar.WriteEntry(content.StartsWith("-> ", StringComparison.Ordinal)
                    ? new UstarTarEntry(TarEntryType.SymbolicLink, name) { LinkName = content[3..] }
                    : new UstarTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(content)) });
            }
        }

        return bytes.ToArray();
    }
}
