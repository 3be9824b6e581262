using System.Net;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>
/// Fetches one file into <c>BLOB.incomplete</c>, goes on from what is there, checks the hash, and moves it to its place.
/// One thread.
/// </summary>
internal sealed class HubDownload(HubClient client, SourceSettings settings, string commit, HubFile file, string blob)
{
    private const int FailuresInARow = 5, WouldBlock = 11, SharingViolation = unchecked((int)0x80070020);
    private static readonly TimeSpan s_otherDownload = TimeSpan.FromMilliseconds(500);

    private readonly string _partial = blob + ".incomplete";

    /// <summary>Runs the download.</summary>
    /// <exception cref="GraftException">The hub cannot be reached or refuses, or the file arrives damaged twice.</exception>
    public async Task RunAsync(IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        using var stream = await OpenAloneAsync(progress, cancellation).ConfigureAwait(false);
        if (File.Exists(blob))
        {
            File.Delete(_partial);
            return;
        }

        var wasResumed = stream.Length > 0;
        await FillAsync(stream, progress, cancellation).ConfigureAwait(false);
        if (!IsIntact(stream) && wasResumed)
        {
            stream.SetLength(0); // the beginning was another file's
            await FillAsync(stream, progress, cancellation).ConfigureAwait(false);
        }

        if (!IsIntact(stream))
        {
            File.Delete(_partial);
            throw new GraftException($"The file '{file.Name}' arrived damaged: its hash is not {file.Hash}; run the command again, and if it stays so, check the proxy or HF_ENDPOINT.");
        }

        stream.Flush(flushToDisk: true);
        File.Move(_partial, blob, overwrite: true);
    }

    private async Task<FileStream> OpenAloneAsync(IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return new FileStream(_partial, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException fault) when (fault.HResult is WouldBlock or SharingViolation)
            {
                progress?.Report(new SourceProgress($"waiting for another download of {file.Name}", 0, file.Bytes));
            }

            await Task.Delay(s_otherDownload, cancellation).ConfigureAwait(false);
        }
    }

    private async Task FillAsync(FileStream stream, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        for (var failures = 0; ;)
        {
            var before = stream.Length;
            try
            {
                await ReceiveAsync(stream, progress, cancellation).ConfigureAwait(false);
                return;
            }
            catch (Exception fault) when (HubClient.MayPass(fault) && !cancellation.IsCancellationRequested)
            {
                failures = stream.Length > before ? 1 : failures + 1;
                if (failures == FailuresInARow)
                {
                    throw client.Unreachable(fault);
                }
            }

            progress?.Report(new SourceProgress($"{file.Name}: the connection broke, trying again", stream.Length, file.Bytes));
            await client.WaitAsync(failures, cancellation).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAsync(FileStream stream, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        if (file.Bytes is { } whole && stream.Length >= whole)
        {
            if (stream.Length == whole)
            {
                return;
            }

            stream.SetLength(0);
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(settings.StallTimeout);
        using var response = await client.OpenAsync(commit, file.Name, stream.Length, limit.Token).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            stream.SetLength(0);
            throw new HttpRequestException("the hub has no such part of the file");
        }

        var isContinued = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == stream.Length;
        if (!isContinued && stream.Length > 0)
        {
            stream.SetLength(0);
        }

        stream.Position = stream.Length;
        using var content = await response.Content.ReadAsStreamAsync(limit.Token).ConfigureAwait(false);
        var buffer = new byte[1 << 17];
        int read;
        while ((read = await content.ReadAsync(buffer, limit.Token).ConfigureAwait(false)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            limit.CancelAfter(settings.StallTimeout);
            progress?.Report(new SourceProgress(file.Name, stream.Position, file.Bytes));
        }

        await stream.FlushAsync(cancellation).ConfigureAwait(false);
        if (file.Bytes is { } expected && stream.Length < expected)
        {
            throw new HttpRequestException($"the connection closed after {stream.Length} of {expected} bytes");
        }
    }

    private bool IsIntact(Stream stream) => file.Hash.Length switch
    {
        64 => FileHash.Sha256(stream) == file.Hash,
        40 => FileHash.GitBlob(stream) == file.Hash,
        _ => file.Bytes is null || stream.Length == file.Bytes,
    };
}
