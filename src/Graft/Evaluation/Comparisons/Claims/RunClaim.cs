using Graft.Torch;

namespace Graft.Evaluation.Comparisons.Claims;

/// <summary>
/// The right to do a run, held until it is published or given back. It beats by a timer of its own. Thread contract: one thread, besides
/// <see cref="Lost"/>.
/// </summary>
internal sealed class RunClaim : IDisposable
{
    internal const string OwnerName = "owner.json";
    internal const string BeatName = "heartbeat";
    internal const string WorkName = "work";

    private readonly ClaimBoard _board;
    private readonly string _id;
    private readonly int _number;
    private readonly string _place;
    private readonly ClaimOwner _owner;
    private readonly CancellationTokenSource _lost = new();
    private readonly Timer _timer;
    private readonly Lock _beating = new();
    private long _beats;
    private bool _ended;

    internal RunClaim(ClaimBoard board, string id, int number, string place, ClaimOwner owner, TimeSpan beat)
    {
        (_board, _id, _number, _place, _owner) = (board, id, number, place, owner);
        _timer = new Timer(_ => Beat(), null, beat, beat);
    }

    /// <summary>The folder to write the run into; it becomes the finished run.</summary>
    public string Work => Path.Combine(_place, WorkName);

    /// <summary>Cancelled when another process took the run over, because this one had not shown for long that it lives.</summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>Whether the claim still stands: it is there, and there is none above it.</summary>
    public bool Stands() => IsOwn() && _board.Highest(_id) == _number;

    /// <summary>Shows that the holder lives, and looks whether the claim still stands.</summary>
    public void Beat()
    {
        lock (_beating)
        {
            if (_ended)
            {
                return;
            }

            try
            {
                File.WriteAllText(Path.Combine(_place, BeatName), $"{++_beats}");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A full disk stops the run where it writes; a heart that cannot be heard only lets others take over.
            }

            if (!Stands())
            {
                _lost.Cancel();
            }
        }
    }

    /// <summary>Makes what was written the finished run, by one rename, and takes the claims on it down.</summary>
    /// <returns>Whether it is this claim's work that was published.</returns>
    /// <exception cref="GraftException">The folder cannot be written.</exception>
    public bool Publish()
    {
        if (!Stands())
        {
            return false;
        }

        try
        {
            Directory.Move(Work, _board.Place(_id));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return _board.IsFinished(_id) || !Stands() ? false : throw _board.Unwritable(e);
        }

        End();
        _board.TakeDown(_id);
        return true;
    }

    /// <summary>Gives the claim back; what was written and not published goes with it.</summary>
    public void Dispose()
    {
        End();
        if (IsOwn())
        {
            _board.TakeDownOne(_place);
        }

        _timer.Dispose();
        _lost.Dispose();
    }

    private bool IsOwn()
    {
        try
        {
            return ClaimOwner.FromJson(File.ReadAllText(Path.Combine(_place, OwnerName)))?.Token == _owner.Token;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private void End()
    {
        lock (_beating)
        {
            _ended = true;
        }
    }
}
