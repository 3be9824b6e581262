using Graft.TestKit;

namespace Graft.Tests.Methods;

public sealed class HeadOnlyTests : PeftMethodConformance
{
    protected override string Method => "head";
}
