using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>
/// Fetches package archives with the machine's own npm client, as that is configured; no script of a package is run.
/// Thread-safe.
/// </summary>
internal sealed partial class NpmClient(SourceSettings settings)
{
    /// <summary>
    /// Fetches one archive into the downloads folder and checks its hash; an archive that is there already is taken.
    /// </summary>
    /// <returns>The archive's path.</returns>
    /// <exception cref="GraftException">npm is missing or fails, the hash is another one, or the folder cannot be written.</exception>
    public async Task<string> FetchAsync(NpmPackage package, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        var target = Path.Combine(settings.Downloads, package.FileStem + ".tgz");
        long? total = package.Bytes > 0 ? package.Bytes : null;
        var text = $"{package} (npm)";
        if (package.Sha256 is not null && File.Exists(target) && FileHash.Sha256(target) == package.Sha256)
        {
            progress?.Report(new SourceProgress(text, package.Bytes, total));
            return target;
        }

        progress?.Report(new SourceProgress(text, 0, total));
        using var staging = StagedFolder.Create(Path.Combine(settings.Downloads, "npm"));
        await PackAsync(package, staging.Path, cancellation).ConfigureAwait(false);
        var archives = Directory.GetFiles(staging.Path, "*.tgz");
        if (archives.Length != 1)
        {
            throw new GraftException($"npm wrote {archives.Length} archives for {package}, expected one; run 'npm pack {package}' by hand to see why.");
        }

        if (package.Sha256 is not null && FileHash.Sha256(archives[0]) is var actual && actual != package.Sha256)
        {
            throw new GraftException($"The archive of {package} has sha256 {actual}, expected {package.Sha256}; clear npm's cache (npm cache clean --force) and try again, and if it stays so, do not use it.");
        }

        File.Move(archives[0], target, overwrite: true);
        var bytes = new FileInfo(target).Length;
        progress?.Report(new SourceProgress(text, bytes, bytes));
        return target;
    }

    private async Task PackAsync(NpmPackage package, string folder, CancellationToken cancellation)
    {
        using var process = Start(package, folder);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        try
        {
            await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }

        var report = await errors.ConfigureAwait(false) + await output.ConfigureAwait(false);
        if (process.ExitCode != 0)
        {
            throw new GraftException(Explain(package, ErrorCode().Match(report).Groups["code"].Value));
        }
    }

    private Process Start(NpmPackage package, string folder)
    {
        var start = new ProcessStartInfo(settings.NpmCommand)
        {
            WorkingDirectory = folder,
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])["pack", package.ToString(), "--ignore-scripts", "--json", "--pack-destination", folder])
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            return Process.Start(start) ?? throw NotFound(null);
        }
        catch (Win32Exception fault)
        {
            throw NotFound(fault);
        }
    }

    private GraftException NotFound(Exception? fault) =>
        new($"The command '{settings.NpmCommand}' was not found; install Node.js with npm (on Debian: apt-get install npm) and run the command again.", fault);

    private string Explain(NpmPackage package, string code) => code switch
    {
        "E404" or "ETARGET" or "ENOVERSIONS" => $"npm has no package {package}; check its name and version.",
        "E401" or "E403" or "ENEEDAUTH" => $"npm may not read {package} ({code}); log in with 'npm login' or correct the credentials in npm's configuration.",
        "ENOSPC" or "EDQUOT" => $"The disk that holds '{settings.Downloads}' or npm's cache is full; free some space or set GRAFT_HOME to another folder, then run the command again.",
        "EACCES" or "EPERM" or "EROFS" => $"npm cannot write to '{settings.Downloads}' or to its own cache ({code}); make them writable or set GRAFT_HOME to another folder.",
        "EINTEGRITY" => $"The archive of {package} arrived damaged; clear npm's cache (npm cache clean --force) and run the command again.",
        "" => $"npm could not fetch {package}; run 'npm pack {package}' by hand to see why.",
        _ => $"npm could not fetch {package} ({code}); check the network, the proxy and npm's configuration (npm config list), then run the command again.",
    };

    [GeneratedRegex("""(npm (error|ERR!) code |"code"\s*:\s*")(?<code>E[A-Z0-9_]+)""", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex ErrorCode();
}
