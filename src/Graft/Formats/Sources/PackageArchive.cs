using System.Formats.Tar;
using System.IO.Compression;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>
/// Reads npm package archives (tar, gzip): regular files only, names checked, links and devices passed over. Thread-safe.
/// </summary>
internal static class PackageArchive
{
    private const long MostBytesInMemory = 1L << 30;

    /// <summary>The names and sizes of the archive's files, without the leading <c>package/</c>.</summary>
    /// <exception cref="GraftException">The archive is damaged or holds an unsafe name.</exception>
    public static IReadOnlyDictionary<string, long> List(string archive)
    {
        var files = new Dictionary<string, long>(StringComparer.Ordinal);
        Walk(archive, (name, entry) => files[name] = entry.Length, CancellationToken.None);
        return files;
    }

    /// <summary>The bytes of the named files; a name that is missing is an error.</summary>
    /// <exception cref="GraftException">The archive is damaged, holds an unsafe name, or lacks a file.</exception>
    public static IReadOnlyDictionary<string, byte[]> Read(string archive, IReadOnlyCollection<string> names, CancellationToken cancellation)
    {
        var wanted = names.ToHashSet(StringComparer.Ordinal);
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        long total = 0;
        Walk(archive, ReadWanted, cancellation);
        wanted.ExceptWith(files.Keys);
        return wanted.Count == 0
            ? files
            : throw new GraftException($"The archive '{archive}' lacks the file '{wanted.Order(StringComparer.Ordinal).First()}'; delete it and run the command again.");

        void ReadWanted(string name, TarEntry entry)
        {
            if (!wanted.Contains(name))
            {
                return;
            }

            total += entry.Length;
            if (total > MostBytesInMemory)
            {
                throw new GraftException($"The files wanted from '{archive}' are larger than {MostBytesInMemory} bytes, which no such package is; delete it and run the command again.");
            }

            var bytes = new byte[entry.Length];
            entry.DataStream?.ReadExactly(bytes);
            files[name] = bytes;
        }
    }

    /// <summary>Writes the chosen files below a folder, under the names that <paramref name="place"/> gives; null leaves one out.</summary>
    /// <exception cref="GraftException">The archive is damaged or holds an unsafe name.</exception>
    public static void Extract(string archive, string folder, Func<string, string?> place, CancellationToken cancellation) =>
        Walk(
            archive,
            (name, entry) =>
            {
                if (place(name) is { } relative)
                {
                    var path = Path.Combine(folder, SafeName(relative, archive));
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    using var file = File.Create(path);
                    entry.DataStream?.CopyTo(file);
                    file.Flush(flushToDisk: true);
                }
            },
            cancellation);

    private static void Walk(string archive, Action<string, TarEntry> visit, CancellationToken cancellation)
    {
        using var file = File.OpenRead(archive);
        using var unzipped = new GZipStream(file, CompressionMode.Decompress);
        using var reader = new TarReader(unzipped);
        while (Next(reader, archive) is { } entry)
        {
            cancellation.ThrowIfCancellationRequested();
            if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile)
            {
                Guarded(archive, () => visit(WithoutRoot(SafeName(entry.Name, archive)), entry));
            }
        }
    }

    private static TarEntry? Next(TarReader reader, string archive)
    {
        TarEntry? entry = null;
        Guarded(archive, () => entry = reader.GetNextEntry());
        return entry;
    }

    private static void Guarded(string archive, Action action)
    {
        try
        {
            action();
        }
        catch (Exception fault) when (fault is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or OverflowException)
        {
            throw new GraftException($"The archive '{archive}' is damaged; delete it and run the command again.", fault);
        }
    }

    private static string SafeName(string name, string archive)
    {
        var parts = name.Split('/');
        var isSafe = name.Length > 0 && name.AsSpan().IndexOfAny('\\', ':', '\0') < 0 && parts.All(part => part is not ("" or "." or ".."));
        return isSafe ? name : throw new GraftException($"The archive '{archive}' holds the unsafe file name '{name}' and was not unpacked; do not use it.");
    }

    private static string WithoutRoot(string name) => name[(name.IndexOf('/', StringComparison.Ordinal) + 1)..];
}
