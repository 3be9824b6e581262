using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Cli.Tests;

/// <summary>A plan of two methods on a made-up task that runs in a moment.</summary>
internal static class TinyPlan
{
    public static string Write(TinyModelFolder tiny, string name, Action<JsonObject>? change = null)
    {
        var plan = new JsonObject
        {
            ["backbone"] = tiny.Model,
            ["methods"] = new JsonArray("lora", "head"),
            ["tasks"] = new JsonArray(tiny.WriteTask()),
            ["sizes"] = new JsonArray(40),
            ["seeds"] = new JsonArray(0, 1),
            ["steps"] = 12,
            ["batch"] = 8,
            ["evaluations"] = 3,
            ["learning_rate_factors"] = new JsonArray(1, 3),
        };
        change?.Invoke(plan);
        string path = Path.Combine(tiny.Root, name);
        File.WriteAllText(path, plan.ToJsonString());
        return path;
    }
}
