using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>Counts what a file of weights holds. Stateless.</summary>
internal static class StoredParameters
{
    /// <summary>The numbers in all tensors of a file.</summary>
    /// <param name="file">The file.</param>
    public static long In(SafetensorsFile file) => file.Keys.Sum(key => file.Info(key).Shape.Aggregate(1L, (product, n) => product * n));
}
