using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public class PTuningTests : PeftMethodConformance
{
    protected override string Method => "p-tuning";

    protected override JsonObject Settings => new() { ["length"] = 3 };
}

public sealed class PTuningLstmTests : PTuningTests
{
    protected override JsonObject Settings => new() { ["length"] = 3, ["encoder"] = "lstm", ["encoder_hidden"] = 5 };
}
