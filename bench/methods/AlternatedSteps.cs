using System.Diagnostics;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;
using Graft.Training;

namespace Graft.Bench.Methods;

/// <summary>Measures training steps of all methods in turn, in one process and one thread.</summary>
internal static class AlternatedSteps
{
    private const string Reference = "head";

    public static JsonObject Measure(string taskFile, int rounds)
    {
        var folder = ModelSources.Resolve(ModelSources.Default);
        using var backbone = Backbone.Load(folder);
        var data = TaskCatalog.Resolve(taskFile).Take(1000, 0);
        var rows = TokenizedRows.Create(data.Task, data.Train, Tokenizer.Load(folder), 256);
        List<(string Name, IEnumerator<TrainStep> Steps, List<double> Seconds)> runs = [];
        var skipped = new JsonObject();
        foreach (PeftMethod method in PeftMethods.All)
        {
            try
            {
                runs.Add((method.Name, Steps(method, backbone, rows, rounds + 1), []));
            }
            catch (GraftException e)
            {
                skipped[method.Name] = e.Message;
            }
        }

        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (_, steps, seconds) in runs)
            {
                var start = Stopwatch.GetTimestamp();
                steps.MoveNext();
                if (round > 0) // the first step warms up
                {
                    seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
            }
        }

        // Round by round, so that a slow stretch of the machine cancels.
        var reference = runs.Single(r => r.Name == Reference).Seconds;
        return new JsonObject
        {
            ["task"] = data.Task.Name,
            ["rounds"] = rounds,
            ["libtorch"] = TorchRuntime.Version,
            ["methods"] = new JsonArray([.. runs.Select(run => (JsonNode)new JsonObject
            {
                ["method"] = run.Name,
                ["seconds"] = Math.Round(Median(run.Seconds), 4),
                ["ratio"] = Math.Round(Median([.. run.Seconds.Zip(reference, (mine, theirs) => mine / theirs)]), 3),
            })]),
            ["skipped"] = skipped,
        };
    }

    private static IEnumerator<TrainStep> Steps(PeftMethod method, Backbone backbone, TokenizedRows rows, int steps)
    {
        var rng = new Rng(0);
        var adapter = method.Attach(backbone, rows.Task.Name, method.Defaults, rng);
        var head = new PooledHead(new PooledHeadConfig(rows.Task.Kind, rows.Task.Outputs), backbone.Config.HiddenSize, rng);
        var model = new TaskModel(rows.Task, backbone, adapter, head, 256);
        return new Trainer(model, rows, new TrainingSettings(Steps: steps, LearningRate: method.DefaultLearningRate)).Steps().GetEnumerator();
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
