using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class ProPetlPrefixTests : PeftMethodConformance
{
    protected override string Method => "propetl-prefix";

    protected override JsonObject Settings => new() { ["length"] = 4, ["bottleneck"] = 6, ["kept"] = 0.3 };

    protected override bool HasExactGradient(string path) => !path.Contains(".scores.", StringComparison.Ordinal);
}

public sealed class ProPetlPrefixOfSeveralTasksTests : PeftMethodConformance
{
    protected override string Method => "propetl-prefix";

    protected override JsonObject Settings => new() { ["length"] = 4, ["bottleneck"] = 6, ["kept"] = 0.3 };

    protected override IReadOnlyList<string> Tasks => ["red", "green", "blue"];

    protected override bool HasExactGradient(string path) => !path.Contains(".scores.", StringComparison.Ordinal);
}
