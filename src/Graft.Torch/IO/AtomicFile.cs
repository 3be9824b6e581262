using System.Runtime.InteropServices;

namespace Graft.Torch;

/// <summary>Writes files so that a reader sees the old one or the whole new one, never a part. Thread-safe.</summary>
public static partial class AtomicFile
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Writes a file under a temporary name, flushes it to the disk and renames it.</summary>
    /// <param name="path">The file; an existing one is replaced.</param>
    /// <param name="write">Writes the contents.</param>
    /// <exception cref="GraftException">The disk is full or the folder cannot be written; nothing half-written stays behind.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        var target = Path.GetFullPath(path);
        var folder = Path.GetDirectoryName(target)!;
        var temporary = Path.Combine(folder, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}.tmp");
        try
        {
            try
            {
                using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes))
                {
                    write(stream);
                    stream.Flush(flushToDisk: true);
                }

                File.Move(temporary, target, overwrite: true);
                SyncFolder(folder);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException(
                $"Cannot write '{path}' ({Reason(e)}); free some space, or choose a folder that exists and that you may write to.", e);
        }
    }

    internal static string Reason(Exception e)
    {
        var message = e.Message.ReplaceLineEndings(" ");
        var end = message.IndexOf(" : '", StringComparison.Ordinal);
        return (end > 0 ? message[..end] : message).TrimEnd('.');
    }

    /// <summary>Makes the rename itself survive a power cut; a file system that cannot is left as it is.</summary>
    internal static void SyncFolder(string folder)
    {
        const int ReadOnlyDirectory = 0x10000;
        if (!OperatingSystem.IsLinux()) return;
        var descriptor = Open(folder, ReadOnlyDirectory);
        if (descriptor < 0) return;
        _ = Sync(descriptor);
        _ = Close(descriptor);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
