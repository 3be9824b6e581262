using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class ProPetlAdapterTests : PeftMethodConformance
{
    protected override string Method => "propetl-adapter";

    protected override JsonObject Settings => new() { ["reduction_factor"] = 4 };

    // A score's gradient is that of its size, straight through the threshold.
    protected override bool HasExactGradient(string path) => !path.Contains(".scores.", StringComparison.Ordinal);
}

public sealed class ProPetlAdapterOfSeveralTasksTests : PeftMethodConformance
{
    protected override string Method => "propetl-adapter";

    protected override JsonObject Settings => new() { ["reduction_factor"] = 4, ["kept"] = 0.3, ["activation"] = "gelu_new", ["score_layout"] = "weight" };

    protected override IReadOnlyList<string> Tasks => ["red", "green", "blue"];

    protected override bool HasExactGradient(string path) => !path.Contains(".scores.", StringComparison.Ordinal);
}
