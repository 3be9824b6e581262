using System.Text;
using System.Text.Json;
using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// The folder of a comparison: <c>plan.json</c> and <c>results.jsonl</c> (a line for each finished run), which together are all that a report
/// needs, and the runs themselves below <c>runs/</c>. Thread-safe, and safe for several processes.
/// </summary>
public static class ComparisonFolder
{
    /// <summary>The plan's file.</summary>
    public const string PlanName = "plan.json";

    /// <summary>The file of the finished runs, a line each, in the order of the plan.</summary>
    public const string ResultsName = "results.jsonl";

    /// <summary>The file of the storage account.</summary>
    public const string StorageName = "storage.json";

    /// <summary>The folder of the runs.</summary>
    public const string RunsName = "runs";

    /// <summary>Reads a comparison, finished or under way, from its plan and its results alone.</summary>
    /// <param name="folder">The comparison's folder.</param>
    /// <exception cref="GraftException">It is no such folder, or one of the two files is damaged.</exception>
    public static Comparison Load(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var plan = Path.Combine(folder, PlanName);
        if (!File.Exists(plan))
        {
            throw new GraftException($"'{folder}' holds no comparison (no {PlanName}); name a folder that 'graft compare' wrote.");
        }

        return Of(ComparisonPlan.Load(plan), ReadResults(Path.Combine(folder, ResultsName)));
    }

    /// <summary>A plan and its runs among those given, in the order of the plan; the last of runs of the same cell counts.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="runs">The runs.</param>
    public static Comparison Of(ComparisonPlan plan, IEnumerable<ComparisonRun> runs)
    {
        ArgumentNullException.ThrowIfNull(plan);
        ArgumentNullException.ThrowIfNull(runs);
        var finished = new Dictionary<(string Method, string Task, int? Size, long Seed), ComparisonRun>();
        foreach (var run in runs)
        {
            finished[(run.Method, run.Task, run.Size, run.Seed)] = run;
        }

        var planned = plan.Runs.Select(r => (r.Method.Name, r.Task.Name, r.Size, r.Seed)).ToList();
        return new Comparison(plan, [.. planned.Where(finished.ContainsKey).Select(cell => finished[cell])], planned.Count);
    }

    /// <summary>Writes a comparison's plan and results, each by one rename.</summary>
    /// <param name="folder">The folder; it is made.</param>
    /// <param name="comparison">The comparison.</param>
    /// <exception cref="GraftException">The place cannot be written.</exception>
    public static void Save(string folder, Comparison comparison)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(comparison);
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"The folder '{folder}' cannot be made ({e.Message.TrimEnd('.')}); give an --out folder that can be.", e);
        }

        comparison.Plan.Save(Path.Combine(folder, PlanName));
        AtomicFile.Write(Path.Combine(folder, ResultsName), stream =>
        {
            foreach (var run in comparison.Runs)
            {
                stream.Write(Encoding.UTF8.GetBytes(run.ToJson() + "\n"));
            }
        });
    }

    private static List<ComparisonRun> ReadResults(string path)
    {
        List<ComparisonRun> runs = [];
        if (!File.Exists(path))
        {
            return runs;
        }

        var number = 0;
        try
        {
            foreach (var line in File.ReadLines(path))
            {
                number++;
                if (line.Length > 0)
                {
                    runs.Add(ComparisonRun.FromJson(line));
                }
            }

            return runs;
        }
        catch (JsonException e)
        {
            throw new GraftException($"{path}, line {number}: no finished run ({StrictJson.Reason(e)}); delete the file and call 'graft compare' again, which writes it anew.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path}: cannot be read ({e.Message.TrimEnd('.')}); check its permissions.", e);
        }
    }
}
