using Graft.Torch;

namespace Graft.Evaluation.Comparisons.Claims;

/// <summary>How often holders show that they live, and when others stop believing it.</summary>
/// <param name="Beat">The time between two heartbeats; infinite for none.</param>
/// <param name="Stale">The time without a heartbeat after which a claim may be overruled.</param>
internal sealed record ClaimTiming(TimeSpan Beat, TimeSpan Stale)
{
    public static ClaimTiming Usual { get; } = new(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(60));
}

/// <summary>
/// Shares out the runs of a folder among processes, on one machine or on several that share a file system. Thread contract: one thread a
/// board; any number of boards and processes a folder.
/// </summary>
/// <remarks>
/// A claim is a folder that is made under a temporary name and renamed to <c>ID.claim-N</c>. A rename onto a folder that is not empty fails
/// on every POSIX file system, so of those who try exactly one wins. A stale claim (its process has ended, or its heartbeat has not moved for
/// a time by the observer's own clock) is overruled by claim N + 1, never removed, so recovering needs no lock of its own. A holder that was
/// only slow finds the higher claim and stops; should it publish all the same, in the moment between looking and renaming, the rename of the
/// finished folder decides again. Clocks of different machines are never compared.
/// </remarks>
internal sealed class ClaimBoard
{
    private const string Mark = ".claim-";
    private const string Leaving = ".leaving-";
    private static readonly TimeSpan s_abandoned = TimeSpan.FromHours(1);

    private readonly string _folder;
    private readonly ClaimTiming _timing;
    private readonly TimeProvider _clock;
    private readonly Dictionary<string, (string Beat, long Since)> _seen = new(StringComparer.Ordinal);

    /// <summary>Opens a folder of runs and clears away what killed processes left there.</summary>
    /// <param name="folder">The folder; it is made.</param>
    /// <param name="timing">The times; null for the usual ones.</param>
    /// <param name="clock">The observer's clock; null for the system's.</param>
    /// <exception cref="GraftException">The folder cannot be made.</exception>
    public ClaimBoard(string folder, ClaimTiming? timing = null, TimeProvider? clock = null)
    {
        (_folder, _timing, _clock) = (folder, timing ?? ClaimTiming.Usual, clock ?? TimeProvider.System);
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var left in Directory.EnumerateDirectories(folder, Leaving + "*").Concat(Directory.EnumerateDirectories(folder, Mark + "*").Where(IsAbandoned)))
            {
                Remove(left);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(e);
        }
    }

    /// <summary>Where a finished run lies.</summary>
    /// <param name="id">The run.</param>
    public string Place(string id) => Path.Combine(_folder, id);

    /// <summary>Whether a run is finished.</summary>
    /// <param name="id">The run.</param>
    public bool IsFinished(string id) => Directory.Exists(Place(id));

    /// <summary>Claims a run.</summary>
    /// <param name="id">The run.</param>
    /// <returns>The claim; null where another holds it, or the run is finished.</returns>
    /// <exception cref="GraftException">The folder cannot be written.</exception>
    public RunClaim? TryClaim(string id)
    {
        if (IsFinished(id))
        {
            return null;
        }

        var highest = Highest(id);
        if (highest > 0 && !IsStale(ClaimPlace(id, highest)))
        {
            return null;
        }

        var owner = ClaimOwner.Current();
        var place = ClaimPlace(id, highest + 1);
        if (!Post(owner, place))
        {
            return null;
        }

        var claim = new RunClaim(this, id, highest + 1, place, owner, _timing.Beat);
        if (!IsFinished(id))
        {
            return claim;
        }

        // Another finished it, and took its claim down, after the look at the claims and before this one.
        claim.Dispose();
        return null;
    }

    /// <summary>The highest claim on a run; 0 for none.</summary>
    /// <param name="id">The run.</param>
    public int Highest(string id) => Claims(id).Select(c => c.Number).DefaultIfEmpty(0).Max();

    /// <summary>Takes down every claim on a finished run.</summary>
    /// <param name="id">The run.</param>
    public void TakeDown(string id)
    {
        foreach (var (place, _) in Claims(id))
        {
            TakeDownOne(place);
        }
    }

    /// <summary>Takes a claim down: out of sight by one rename, then deleted, so that nobody sees half of one.</summary>
    internal void TakeDownOne(string place)
    {
        var leaving = Path.Combine(_folder, $"{Leaving}{Guid.NewGuid():N}");
        try
        {
            Directory.Move(place, leaving);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return; // another took it down, or it may not be: a claim on a finished run is only untidy
        }

        Remove(leaving);
    }

    internal GraftException Unwritable(Exception e) =>
        new($"The folder '{_folder}' cannot be written ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); free some space, or give an --out folder that can be.", e);

    private string ClaimPlace(string id, int number) => Path.Combine(_folder, $"{id}{Mark}{number}");

    private List<(string Place, int Number)> Claims(string id)
    {
        var prefix = id + Mark;
        return
        [
            .. Directory.EnumerateDirectories(_folder, prefix + "*")
                .Select(place => (place, int.TryParse(Path.GetFileName(place)[prefix.Length..], out var number) ? number : 0))
                .Where(c => c.Item2 > 0),
        ];
    }

    private bool Post(ClaimOwner owner, string place)
    {
        var draft = Path.Combine(_folder, Mark + owner.Token);
        try
        {
            Directory.CreateDirectory(Path.Combine(draft, RunClaim.WorkName));
            File.WriteAllText(Path.Combine(draft, RunClaim.OwnerName), owner.ToJson());
            File.WriteAllText(Path.Combine(draft, RunClaim.BeatName), "0");
            try
            {
                Directory.Move(draft, place);
                return true;
            }
            catch (IOException) when (Directory.Exists(place))
            {
                Remove(draft);
                return false;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Remove(draft);
            throw Unwritable(e);
        }
    }

    private bool IsStale(string place)
    {
        var text = ReadOrEmpty(Path.Combine(place, RunClaim.OwnerName));
        if (ClaimOwner.FromJson(text) is { IsGone: true })
        {
            return true;
        }

        var beat = $"{text}\n{ReadOrEmpty(Path.Combine(place, RunClaim.BeatName))}";
        if (!_seen.TryGetValue(place, out var last) || last.Beat != beat)
        {
            _seen[place] = (beat, _clock.GetTimestamp());
            return false;
        }

        return _clock.GetElapsedTime(last.Since) > _timing.Stale;
    }

    // A draft whose process was killed before it could rename it. Without an owner only its age tells.
    private static bool IsAbandoned(string draft) => ClaimOwner.FromJson(ReadOrEmpty(Path.Combine(draft, RunClaim.OwnerName))) is { } owner
        ? owner.IsGone
        : DateTime.UtcNow - Directory.GetLastWriteTimeUtc(draft) > s_abandoned;

    private static string ReadOrEmpty(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another removes it too, or it stays as a hidden folder that the next process tries again.
        }
    }
}
