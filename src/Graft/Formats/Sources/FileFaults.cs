using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>Turns the file system's refusals into one sentence with a remedy.</summary>
internal static class FileFaults
{
    private const int OperationNotPermitted = 1, PermissionDenied = 13, NoSpace = 28, ReadOnly = 30, QuotaExceeded = 122;
    private const int WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>True for the exceptions that <see cref="Describe"/> explains.</summary>
    public static bool Explains(Exception fault) => fault is IOException or UnauthorizedAccessException;

    /// <summary>The user's view of a file system fault met while writing below <paramref name="folder"/>.</summary>
    public static GraftException Describe(Exception fault, string folder) => fault.HResult switch
    {
        NoSpace or QuotaExceeded or WindowsDiskFull or WindowsHandleDiskFull =>
            new($"The disk that holds '{folder}' is full; free some space or choose another folder with --to or GRAFT_HOME, then run the command again.", fault),
        OperationNotPermitted or PermissionDenied or ReadOnly => Refused(fault, folder),
        _ when fault is UnauthorizedAccessException => Refused(fault, folder),
        _ => new($"Could not write below '{folder}' ({fault.Message.TrimEnd('.')}); choose another folder with --to or GRAFT_HOME.", fault),
    };

    private static GraftException Refused(Exception fault, string folder) =>
        new($"The folder '{folder}' cannot be written; make it writable or choose another with --to or GRAFT_HOME.", fault);
}
