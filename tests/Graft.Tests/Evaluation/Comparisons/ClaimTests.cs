using FsCheck;
using FsCheck.Fluent;
using Graft.Evaluation.Comparisons.Claims;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Evaluation.Comparisons;

public sealed class ClaimTests : IDisposable
{
    private const string Id = "0123456789abcdef";
    private static readonly ClaimTiming s_byHand = new(Timeout.InfiniteTimeSpan, TimeSpan.FromSeconds(60));

    private readonly TestFolder _folder = new();
    private readonly HandClock _clock = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Of_many_threads_exactly_one_wins_each_run()
    {
        const int Threads = 8;
        const int Runs = 40;
        var wins = new int[Runs];
        using var start = new Barrier(Threads);
        var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            var board = Board();
            for (var run = 0; run < Runs; run++)
            {
                start.SignalAndWait();
                if (board.TryClaim($"run{run}") is not null)
                {
                    Interlocked.Increment(ref wins[run]);
                }
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());

        Assert.All(wins, w => Assert.Equal(1, w));
        Assert.Empty(Directory.EnumerateDirectories(_folder.Path, ".*"));
    }

    [Fact]
    public void A_published_run_is_what_was_written_and_no_claim_is_left()
    {
        var claim = Board().TryClaim(Id)!;
        File.WriteAllText(Path.Combine(claim.Work, "result.json"), "{}");

        Assert.True(claim.Publish());
        claim.Dispose();

        Assert.Equal([Id], Names());
        Assert.Equal(["result.json"], Directory.EnumerateFileSystemEntries(_folder.At(Id)).Select(p => Path.GetFileName(p)));
        Assert.Null(Board().TryClaim(Id));
    }

    [Fact]
    public void A_claim_given_back_leaves_nothing_and_can_be_taken_again()
    {
        using (var claim = Board().TryClaim(Id)!)
        {
            File.WriteAllText(Path.Combine(claim.Work, "half"), "");
        }

        Assert.Empty(Names());
        Assert.NotNull(Board().TryClaim(Id));
    }

    [Fact]
    public void A_holder_that_beats_is_left_alone_however_long_it_takes()
    {
        using var claim = Board().TryClaim(Id)!;
        var observer = Board();
        for (var minute = 0; minute < 30; minute++)
        {
            Assert.Null(observer.TryClaim(Id));
            _clock.Pass(TimeSpan.FromSeconds(50));
            claim.Beat();
        }

        Assert.False(claim.Lost.IsCancellationRequested);
    }

    [Fact]
    public void A_holder_that_paused_is_overruled_finds_out_and_does_not_publish()
    {
        using var paused = Board().TryClaim(Id)!;
        var observer = Board();
        Assert.Null(observer.TryClaim(Id));
        _clock.Pass(TimeSpan.FromSeconds(61));

        using var second = observer.TryClaim(Id)!;
        Assert.NotNull(second);
        paused.Beat();
        Assert.True(paused.Lost.IsCancellationRequested);
        Assert.False(paused.Publish());
        File.WriteAllText(Path.Combine(second.Work, "by"), "second");
        Assert.True(second.Publish());
        Assert.False(paused.Publish());

        Assert.Equal("second", File.ReadAllText(_folder.At(Id, "by")));
        paused.Dispose();
        Assert.Equal([Id], Names());
    }

    [Fact]
    public void Time_counts_from_the_observers_first_look()
    {
        using var claim = Board().TryClaim(Id)!;
        _clock.Pass(TimeSpan.FromHours(5));
        var observer = Board();

        Assert.Null(observer.TryClaim(Id));
        _clock.Pass(TimeSpan.FromSeconds(59));
        Assert.Null(observer.TryClaim(Id));
    }

    [Fact]
    public void A_claim_of_a_process_that_has_ended_is_overruled_at_once()
    {
        var place = _folder.At($"{Id}.claim-3");
        Directory.CreateDirectory(Path.Combine(place, "work"));
        File.WriteAllText(Path.Combine(place, "owner.json"), (ClaimOwner.Current() with { Started = "1" }).ToJson());
        File.WriteAllText(Path.Combine(place, "heartbeat"), "17");

        using var claim = Board().TryClaim(Id)!;

        Assert.EndsWith($"{Id}.claim-4/work", claim.Work, StringComparison.Ordinal);
        Assert.True(claim.Publish());
        Assert.Equal([Id], Names());
    }

    [Fact]
    public void Of_another_machine_only_the_heartbeat_tells()
    {
        var owner = ClaimOwner.Current();

        Assert.False(owner.IsGone);
        Assert.True((owner with { Started = "1" }).IsGone);
        Assert.False((owner with { Host = "elsewhere", Started = "1" }).IsGone);
        Assert.Equal(owner, ClaimOwner.FromJson(owner.ToJson()));
        Assert.Null(ClaimOwner.FromJson("{\"host\":"));
    }

    [Fact]
    public void Leftovers_of_killed_processes_are_cleared_away_and_those_of_living_ones_are_not()
    {
        foreach (var (name, owner) in new[] { (".claim-dead", ClaimOwner.Current() with { Started = "1" }), (".claim-alive", ClaimOwner.Current()) })
        {
            Directory.CreateDirectory(_folder.At(name));
            File.WriteAllText(_folder.At(name, "owner.json"), owner.ToJson());
        }

        Directory.CreateDirectory(_folder.At(".leaving-1"));
        Directory.CreateDirectory(_folder.At(".claim-without-owner"));

        _ = Board();

        Assert.Equal([".claim-alive", ".claim-without-owner"], Names());
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_one_sentence()
    {
        var file = _folder.Write("file", "");

        Assert.Contains("cannot be written", Assert.Throws<GraftException>(() => new ClaimBoard(Path.Combine(file, "runs"))).Message, StringComparison.Ordinal);
    }

    // Processes that claim, work, pause for any time, die, give back and publish in any order: each run is published at most once, by one
    // that held the claim, and in the end nothing but finished runs is left.
    [Fact]
    public void Whatever_processes_do_a_run_is_published_once() => Prop.ForAll(
        Gen.Choose(0, 4).Zip(Gen.Choose(0, 5)).ListOf(60).ToArbitrary(), steps =>
        {
            using var folder = new TestFolder();
            var clock = new HandClock();
            var boards = Enumerable.Range(0, 5).Select(_ => new ClaimBoard(folder.Path, s_byHand, clock)).ToList();
            var held = new RunClaim?[boards.Count];
            var published = 0;
            foreach (var (process, action) in steps)
            {
                switch (action)
                {
                    case 0:
                        held[process] ??= boards[process].TryClaim(Id);
                        break;
                    case 1:
                        held[process]?.Beat();
                        break;
                    case 2:
                        published += held[process]?.Publish() == true ? 1 : 0;
                        held[process]?.Dispose();
                        held[process] = null;
                        break;
                    case 3:
                        held[process]?.Dispose();
                        held[process] = null;
                        break;
                    case 4:
                        held[process] = null; // killed
                        break;
                    default:
                        clock.Pass(TimeSpan.FromSeconds(40));
                        break;
                }
            }

            foreach (var claim in held)
            {
                claim?.Dispose();
            }

            while (!boards[0].IsFinished(Id))
            {
                using var claim = boards[0].TryClaim(Id);
                published += claim?.Publish() == true ? 1 : 0;
                clock.Pass(TimeSpan.FromSeconds(61));
            }

            return published == 1 && Directory.EnumerateFileSystemEntries(folder.Path).Select(p => Path.GetFileName(p)).SequenceEqual([Id]);
        }).QuickCheckThrowOnFailure();

    private ClaimBoard Board() => new(_folder.Path, s_byHand, _clock);

    private IEnumerable<string> Names() => Directory.EnumerateFileSystemEntries(_folder.Path).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal);

    private sealed class HandClock : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Read(ref _now);

        public void Pass(TimeSpan time) => Interlocked.Add(ref _now, time.Ticks);
    }
}
