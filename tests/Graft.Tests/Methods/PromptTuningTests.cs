using System.Text.Json.Nodes;
using Graft.TestKit;

namespace Graft.Tests.Methods;

public class PromptTuningTests : PeftMethodConformance
{
    protected override string Method => "prompt-tuning";

    protected override JsonObject Settings => new() { ["length"] = 3 };
}

public sealed class PromptAfterTheFirstTokenTests : PromptTuningTests
{
    protected override JsonObject Settings => new() { ["length"] = 3, ["placement"] = "after_first", ["init"] = "vocabulary" };
}

public sealed class PromptAsWordsTests : PromptTuningTests
{
    protected override JsonObject Settings => new() { ["length"] = 3, ["as_words"] = true, ["init"] = "text", ["init_ids"] = "7, 8" };
}
