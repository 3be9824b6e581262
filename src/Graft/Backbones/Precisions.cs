using Graft.Torch;

namespace Graft.Backbones;

/// <summary>The types that a backbone computes in, by the names that settings and options give them. Stateless.</summary>
public static class Precisions
{
    private static readonly OrderedDictionary<string, DType> s_types = new(StringComparer.Ordinal) { ["f32"] = DType.Float32, ["bf16"] = DType.BFloat16 };

    /// <summary>The names: <c>f32</c> and <c>bf16</c>.</summary>
    public static IReadOnlyList<string> Names => s_types.Keys;

    /// <summary>The type that a name means.</summary>
    /// <exception cref="GraftException">There is no such precision.</exception>
    public static DType Parse(string name) => s_types.TryGetValue(name, out var type) ? type : throw new GraftException(
        $"The precision '{name}' is not known; use {string.Join(" or ", Names)}.");
}
