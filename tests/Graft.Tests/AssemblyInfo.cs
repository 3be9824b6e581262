using Xunit;

// Tests count live tensors of the whole process, and libtorch uses every core already.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
