using System.Text.Json;
using Graft.Training;

namespace Graft.Recipes.Pretraining;

/// <summary>The lines of a pretraining's log. Stateless.</summary>
internal static class PretrainLog
{
    /// <summary>A step.</summary>
    public static void Step(RunLog log, TrainStep step, double seconds) => log.Write(
        "step", ("step", step.Number), ("epoch", Math.Round(step.Epoch, 4)), ("loss", RunLog.Number(step.Loss)), ("gradient_norm", RunLog.Number(step.GradientNorm)),
        ("lr", step.LearningRate), ("rows", step.Rows), ("tokens", step.Tokens), ("seconds", Math.Round(seconds, 3)));

    /// <summary>An evaluation on dev.</summary>
    public static void Dev(RunLog log, int step, LanguageScore score, double seconds) => log.Write(
        "dev", ("step", step), ("loss", RunLog.Number(score.Loss)), ("accuracy", RunLog.Number(score.Accuracy)), ("seconds", Math.Round(seconds, 3)));

    /// <summary>The lines of a log, also while it is open for writing.</summary>
    /// <param name="path">The log.</param>
    public static IEnumerable<JsonElement> Lines(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            using var document = JsonDocument.Parse(line);
            yield return document.RootElement.Clone();
        }
    }

    /// <summary>What a resumed run has to know of the steps before: the first and the latest score on dev, the step of the latest (-1 for none), and the tokens.</summary>
    /// <param name="path">The log.</param>
    public static (LanguageScore? First, LanguageScore? Latest, int Judged, long Tokens) Read(string path)
    {
        (LanguageScore? First, LanguageScore? Latest, int Judged, long Tokens) found = (null, null, -1, 0);
        foreach (var entry in Lines(path))
        {
            if (entry.GetProperty("event").GetString() == "dev")
            {
                var score = new LanguageScore(Number(entry, "loss"), Number(entry, "accuracy"));
                found = (found.First ?? score, score, entry.GetProperty("step").GetInt32(), found.Tokens);
            }
            else if (entry.TryGetProperty("rows", out _))
            {
                found.Tokens += entry.GetProperty("tokens").GetInt64();
            }
        }

        return found;
    }

    /// <summary>A number of a line; NaN where it was not finite.</summary>
    /// <param name="entry">The line.</param>
    /// <param name="key">Its key.</param>
    public static double Number(JsonElement entry, string key) => entry.GetProperty(key) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : double.NaN;
}
