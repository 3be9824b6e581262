using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class FullFineTuningTests : PeftMethodConformance
{
    protected override string Method => "full";

    protected override double LearningRate => 1e-3;
}
