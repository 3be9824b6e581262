using System.Runtime.InteropServices;

namespace Graft.Torch;

/// <summary>Writes folders so that a reader sees the old one or the whole new one, never a part. Thread-safe for different folders.</summary>
public static partial class AtomicFolder
{
    private const int CurrentDirectory = -100;
    private const uint Exchange = 2;
    private const int NoSpace = 28;
    private const int QuotaExceeded = 122;
    private const string Unfinished = ".tmp";
    private const string Old = ".tmp.old";

    /// <summary>
    /// Fills a folder under a temporary name beside its place and publishes it by one rename; a folder that is there is exchanged for the new
    /// one in one step where the file system can, so that a process that dies leaves the old or the new one.
    /// </summary>
    /// <param name="folder">The folder; its parents are made.</param>
    /// <param name="write">Writes the files into the path it is given; each file has to be flushed by its writer.</param>
    /// <exception cref="GraftException">The disk is full or the place cannot be written; nothing half-written stays behind.</exception>
    public static void Replace(string folder, Action<string> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(write);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var parent = Path.GetDirectoryName(target) ?? throw new GraftException($"'{folder}' is no place for a folder; name another one.");
        var temporary = Path.Combine(parent, $".{Path.GetFileName(target)}.{Guid.NewGuid():N}{Unfinished}");
        try
        {
            try
            {
                Directory.CreateDirectory(temporary);
                write(temporary);
                AtomicFile.SyncFolder(temporary);
                Publish(temporary, target);
                AtomicFile.SyncFolder(parent);

                // What an earlier replacement left is older than what is there now.
                OldOnes(target).ForEach(old => Directory.Delete(old, recursive: true));
            }
            finally
            {
                // After an exchange the temporary name holds the old folder.
                if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Fault(e, folder);
        }
        catch (GraftException e) when (e.InnerException is IOException or UnauthorizedAccessException)
        {
            // A file below could not be written: the user knows the folder, not the temporary name.
            throw Fault(e.InnerException, folder);
        }
    }

    /// <summary>Where a replacement that died left a folder whose name is free; null where there is none, as always where folders can be exchanged in one step.</summary>
    /// <param name="folder">The folder.</param>
    public static string? LeftBehind(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        return Directory.Exists(target) ? null : OldOnes(target).FirstOrDefault();
    }

    // The names that Publish gives what it replaces: nothing else that begins alike.
    private static List<string> OldOnes(string target)
    {
        var begin = $".{Path.GetFileName(target)}.";
        try
        {
            return [.. Directory.EnumerateDirectories(Path.GetDirectoryName(target) ?? "").Where(place => Path.GetFileName(place) is var name
                && name.StartsWith(begin, StringComparison.Ordinal) && name.EndsWith(Old, StringComparison.Ordinal)
                && Guid.TryParseExact(name[begin.Length..Math.Max(begin.Length, name.Length - Old.Length)], "N", out _))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    private static void Publish(string temporary, string target)
    {
        if (!Directory.Exists(target))
        {
            Directory.Move(temporary, target);
            return;
        }

        if (OperatingSystem.IsLinux() && Rename(CurrentDirectory, temporary, CurrentDirectory, target, Exchange) == 0) return;
        var old = temporary[..^Unfinished.Length] + Old;
        Directory.Move(target, old);
        Directory.Move(temporary, target);
        Directory.Delete(old, recursive: true);
    }

    private static GraftException Fault(Exception e, string folder) => (e.HResult & 0xFFFF) is NoSpace or QuotaExceeded
        ? new GraftException($"The disk that holds '{folder}' is full; free some space or choose a folder elsewhere, nothing was changed there.", e)
        : new GraftException(
            $"Cannot write the folder '{folder}' ({AtomicFile.Reason(e)}); choose a place that you may write to, nothing was changed there.", e);

    [LibraryImport("libc", EntryPoint = "renameat2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Rename(int fromFolder, string from, int toFolder, string to, uint flags);
}
