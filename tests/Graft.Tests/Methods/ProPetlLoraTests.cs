using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class ProPetlLoraTests : PeftMethodConformance
{
    protected override string Method => "propetl-lora";

    protected override JsonObject Settings => new() { ["rank"] = 4, ["alpha"] = 8, ["kept"] = 0.5 };

    protected override bool HasExactGradient(string path) => !path.Contains(".scores.", StringComparison.Ordinal);
}

public sealed class ProPetlLoraOfSeveralTasksTests : PeftMethodConformance
{
    protected override string Method => "propetl-lora";

    protected override JsonObject Settings => new() { ["rank"] = 4, ["alpha"] = 8, ["kept"] = 0.5 };

    protected override IReadOnlyList<string> Tasks => ["red", "green", "blue"];

    protected override bool HasExactGradient(string path) => !path.Contains(".scores.", StringComparison.Ordinal);
}
