using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.Evaluation.Comparisons.Claims;
using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>
/// A process at work on a comparison's folder, beside any number of others: which runs are finished, failed and open, which one to do next,
/// and doing it. Thread contract: one thread.
/// </summary>
internal sealed class ComparisonSession
{
    private const string RunName = "run.json";
    private const string ResultName = "result.json";
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true };

    private readonly ComparisonBench _bench;
    private readonly CompareSettings _settings;
    private readonly Action<CompareProgress>? _progress;
    private readonly ClaimBoard _board;
    private readonly RunFailures _failures;
    private readonly List<IdentifiedRun> _wanted;
    private readonly Dictionary<string, ComparisonRun> _finished = new(StringComparer.Ordinal);
    private CompareProgress _whole;

    /// <summary>Opens a comparison's folder and writes the plan into it.</summary>
    /// <param name="bench">What the runs work on.</param>
    /// <param name="settings">The settings.</param>
    /// <param name="progress">Told what happens; null for nobody.</param>
    /// <param name="timing">The times of claims; null for the usual ones.</param>
    /// <exception cref="GraftException">The folder cannot be written, a run there is damaged, or <see cref="CompareSettings.Only"/> names no run.</exception>
    public ComparisonSession(ComparisonBench bench, CompareSettings settings, Action<CompareProgress>? progress, ClaimTiming? timing = null)
    {
        (_bench, _settings, _progress) = (bench, settings, progress);
        _wanted = RunSelection.Of(bench.Runs, settings.Only);
        var runs = Path.Combine(settings.Out, ComparisonFolder.RunsName);
        _board = new ClaimBoard(runs, timing);
        _failures = new RunFailures(runs);
        foreach (var run in bench.Runs.Where(r => _board.IsFinished(r.Id)))
        {
            _board.TakeDown(run.Id);
        }

        WriteResults();
    }

    /// <summary>The runs that this process did.</summary>
    public int Done { get; private set; }

    /// <summary>Looks what others have done, and tells how far the whole has come.</summary>
    /// <returns>The runs that are neither finished nor failed, in the order of the plan.</returns>
    public IReadOnlyList<IdentifiedRun> Look()
    {
        List<IdentifiedRun> open = [.. _wanted.Where(r => Finished(r) is null && Failure(r) is null)];
        var finished = _wanted.Count(r => _finished.ContainsKey(r.Id));
        _whole = new CompareProgress(finished, _wanted.Count - finished - open.Count, _wanted.Count, SecondsLeft(), null, 0, 0, null);
        _progress?.Invoke(_whole);
        return open;
    }

    /// <summary>Claims the first run that can be done now; null where others are at work on all of them, or on what they wait for.</summary>
    /// <param name="open">The runs that are open.</param>
    public (IdentifiedRun Run, RunClaim Claim)? Next(IReadOnlyList<IdentifiedRun> open)
    {
        foreach (var run in open)
        {
            if ((run.SearchedBy is null || Finished(run.SearchedBy) is not null) && _board.TryClaim(run.Id) is { } claim)
            {
                return (run, claim);
            }
        }

        return null;
    }

    /// <summary>Does a run and publishes it; one that fails is recorded, so that others go on.</summary>
    /// <param name="run">The run.</param>
    /// <param name="claim">The claim on it.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="GraftException">The folder cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void Do(IdentifiedRun run, RunClaim claim, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, claim.Lost);
        var label = run.Plan.Label;
        try
        {
            Write(Path.Combine(claim.Work, RunName), run.Identity);
            var work = new ComparisonWork(
                _bench, run, claim.Work, run.SearchedBy is { } searched ? Finished(searched)!.LearningRate : null,
                (trial, trials, state) => _progress?.Invoke(_whole with { Run = label, Trial = trial, Trials = trials, Training = state }));
            var result = work.Do($"graft compare {ShellWord.Quoted(_settings.Out)} --only {ShellWord.Quoted(label)}", stop.Token);
            Write(Path.Combine(claim.Work, ResultName), JsonNode.Parse(result.ToJson())!.AsObject());
            if (claim.Publish())
            {
                Done++;
                _failures.Remove(run.Id);
                WriteResults();
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            Note($"{label}: another process took it over, as this one had not been heard of for long");
        }
        catch (Exception e) when (e is GraftException or IOException && !claim.Stands())
        {
            Note($"{label}: another process took it over and finished it");
        }
        catch (Exception e) when (e is TorchException || (e is GraftException && e.InnerException is not (IOException or UnauthorizedAccessException)))
        {
            // Of this run alone, whereas a full disk would fail every other too.
            _failures.Add(run.Id, e.Message.Split('\n')[0]);
            Note($"{label} failed: {e.Message}");
        }
    }

    /// <summary>Writes <c>results.jsonl</c> and says what the call came to.</summary>
    public CompareReport Report() => new(
        _settings.Out, WriteResults(),
        [.. _wanted.Select(r => (Run: r, Reason: Failure(r))).Where(f => f.Reason is not null).Select(f => new CompareFailure(f.Run.Plan.Label, f.Reason!))],
        Done);

    /// <summary>
    /// Writes <c>storage.json</c> where it is missing or of other methods, once every run of the plan is finished. Where that cannot be done the
    /// results stand all the same, and a note says why.
    /// </summary>
    /// <param name="cancellation">Stops between packages.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public void AccountForStorage(CancellationToken cancellation)
    {
        var path = Path.Combine(_settings.Out, ComparisonFolder.StorageName);
        var methods = _bench.Plan.Methods;
        if (!_settings.Storage || _bench.Runs.Any(r => Finished(r) is null)
            || (File.Exists(path) && methods.Select(m => m.Name).All(StorageAccount.Load(path).Methods.Select(m => m.Method).Contains)))
        {
            return;
        }

        var place = Directory.CreateTempSubdirectory("graft-storage-").FullName;
        try
        {
            var (loaded, labels) = (_bench.Own, _bench.TypicalLabels);
            MeasureStorage.Run(_bench.Plan.Backbone, loaded.Backbone, loaded.Tokenizer, methods, place, labels, cancellation).Save(path);
        }
        catch (GraftException fault)
        {
            Note($"the storage of many tasks was not measured: {fault.Message}");
        }
        finally
        {
            Directory.Delete(place, recursive: true);
        }
    }

    /// <summary>A finished run as the plan names it; null where it is not finished.</summary>
    /// <exception cref="GraftException">It is damaged.</exception>
    private ComparisonRun? Finished(IdentifiedRun run)
    {
        if (!_finished.TryGetValue(run.Id, out var result) && _board.IsFinished(run.Id))
        {
            var path = Path.Combine(_board.Place(run.Id), ResultName);
            try
            {
                result = ComparisonRun.FromJson(File.ReadAllText(path));
                _finished.Add(run.Id, result);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
            {
                throw new GraftException($"The result '{path}' cannot be read ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); delete its folder to do the run '{run.Plan.Label}' again.", e);
            }
        }

        // Two methods of the plan may come to one run, as one that names the plan's backbone for a task and one that names none.
        return result is null ? null : result with { Method = run.Plan.Method.Name, Task = run.Plan.Task.Name };
    }

    private string? Failure(IdentifiedRun run) => _finished.ContainsKey(run.Id) ? null
        : _failures.Of(run.Id)
        ?? (run.SearchedBy is { } searched && Failure(searched) is not null ? $"the run '{searched.Plan.Label}' failed, which finds its learning rate." : null);

    private Comparison WriteResults()
    {
        var comparison = ComparisonFolder.Of(_bench.Plan, _bench.Runs.Select(Finished).OfType<ComparisonRun>());
        ComparisonFolder.Save(_settings.Out, comparison);
        return comparison;
    }

    private void Note(string text) => _progress?.Invoke(_whole with { Note = text });

    // A run costs its steps times what a step of its method took in the finished runs, or of any method where there is none yet.
    private double? SecondsLeft()
    {
        var done = _wanted.Where(r => _finished.ContainsKey(r.Id)).Select(r => (r.Plan.Method.Name, Steps: Steps(r), _finished[r.Id].Seconds)).ToList();
        if (done.Count == 0)
        {
            return null;
        }

        var any = done.Sum(d => d.Seconds) / done.Sum(d => d.Steps);
        var byMethod = done.GroupBy(d => d.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Sum(d => d.Seconds) / g.Sum(d => d.Steps), StringComparer.Ordinal);
        return _wanted.Where(r => !_finished.ContainsKey(r.Id)).Sum(r => Steps(r) * byMethod.GetValueOrDefault(r.Plan.Method.Name, any)) / _settings.Workers;
    }

    private double Steps(IdentifiedRun run) => (double)_bench.Steps(run.Plan) * _bench.Trials(run.Plan);

    private static void Write(string path, JsonObject json)
    {
        var text = json.ToJsonString(s_readable) + "\n";
        AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    }
}
