using Graft.Torch;

namespace Graft.TestKit;

/// <summary>Counts live tensors for tests that compare before with after.</summary>
public static class LeakCheck
{
    /// <summary>
    /// The live tensors once finalizers have run: what an earlier test forgot is then freed before the count, not in the middle of the test.
    /// </summary>
    public static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return LiveTensors.Count;
    }
}
