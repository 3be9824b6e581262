using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>What stored masks say, as JSON: how dense they are, how far those of layers and of tasks agree, and how often entries are used.</summary>
internal static class MaskFacts
{
    private const int Digits = 6;
    private const string Shared = "shared.";
    private const string Tasks = "tasks.";

    /// <summary>The facts of every prototype in stored weights, under <c>masks</c>; nothing where there are no masks.</summary>
    /// <param name="config">The stored settings.</param>
    /// <param name="keys">The stored paths.</param>
    /// <param name="load">Loads one.</param>
    public static JsonObject Of(MaskedConfig config, IReadOnlyCollection<string> keys, Func<string, Tensor> load)
    {
        using var scope = new TensorScope();
        var ofLayers = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        var ofTasks = new SortedDictionary<string, List<(string Task, Tensor Masks)>>(StringComparer.Ordinal);
        foreach (var key in keys.Where(k => k.EndsWith('.' + MaskTable.BitsKey, StringComparison.Ordinal)))
        {
            var owner = key[..^(MaskTable.BitsKey.Length + 1)];
            var prototype = owner[(owner.LastIndexOf('.') + 1)..];
            var masks = MaskBits.Unpack(load(key), Entries(prototype, keys, load), DType.Float32);
            if (key.StartsWith(Tasks, StringComparison.Ordinal))
            {
                ofTasks.TryAdd(prototype, []);
                ofTasks[prototype].Add((owner[Tasks.Length..^(prototype.Length + 1)], masks));
            }
            else
            {
                ofLayers[prototype] = masks;
            }
        }

        var facts = new JsonObject();
        foreach (var prototype in ofLayers.Keys.Union(ofTasks.Keys))
        {
            facts[prototype] = Of(config, ofLayers.GetValueOrDefault(prototype), ofTasks.GetValueOrDefault(prototype) ?? []);
        }

        return facts.Count == 0 ? [] : new JsonObject { ["masks"] = facts };
    }

    private static JsonObject Of(MaskedConfig config, Tensor? layers, List<(string Task, Tensor Masks)> tasks)
    {
        var facts = new JsonObject { ["entries"] = (layers ?? tasks[0].Masks).Size(1), ["kept"] = config.Kept };
        if (layers is not null)
        {
            facts["layers"] = Of(layers);
        }

        if (tasks.Count > 0)
        {
            var ofTasks = Of(Tensor.Cat([.. tasks.Select(t => t.Masks)], 0));
            ofTasks.Insert(0, "names", new JsonArray([.. tasks.Select(t => (JsonNode?)t.Task)]));
            facts["tasks"] = ofTasks;
        }

        if (layers is not null && tasks.Count > 0)
        {
            facts["in_use"] = new JsonObject(tasks.Select(t => KeyValuePair.Create(
                t.Task, (JsonNode?)List(MaskStatistics.Density(MaskSet.Combine(config.Combine, t.Masks, layers))))));
        }

        return facts;
    }

    private static JsonObject Of(Tensor masks) => new()
    {
        ["density"] = List(MaskStatistics.Density(masks)),
        ["overlap"] = new JsonArray([.. MaskStatistics.Overlap(masks).Select(row => (JsonNode?)List(row))]),
        ["uses"] = List(MaskStatistics.Uses(masks)),
    };

    /// <summary>The entries under one mask: those of the prototype's matrices.</summary>
    private static long Entries(string prototype, IReadOnlyCollection<string> keys, Func<string, Tensor> load) => keys
        .Where(k => k.StartsWith($"{Shared}{prototype}.", StringComparison.Ordinal) && !k.EndsWith('.' + MaskTable.BitsKey, StringComparison.Ordinal))
        .Select(load).Where(t => t.Rank == 2).Sum(t => t.Count);

    private static JsonArray List(double[] numbers) => [.. numbers.Select(n => (JsonNode?)Math.Round(n, Digits))];
}
