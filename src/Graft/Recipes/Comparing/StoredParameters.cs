using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Recipes.Comparing;

/// <summary>Counts what a file of weights holds. Stateless.</summary>
internal static class StoredParameters
{
    private const int BitsPerByte = 8;

    /// <summary>The numbers in all tensors of files of one adapter; bytes count by their bits, in numbers of 32.</summary>
    /// <param name="paths">The files.</param>
    public static long In(params IEnumerable<string> paths)
    {
        var (numbers, bytes) = (0L, 0L);
        foreach (var path in paths)
        {
            using var file = SafetensorsFile.Open(path);
            foreach (var info in file.Keys.Select(file.Info))
            {
                var count = info.Shape.Aggregate(1L, (product, n) => product * n);
                _ = info.DType == DType.UInt8 ? bytes += count : numbers += count;
            }
        }

        return numbers + CompactForm.InParameters(BitsPerByte * bytes);
    }
}
