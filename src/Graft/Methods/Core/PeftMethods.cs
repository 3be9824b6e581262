using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>The registry of methods. Each method's file registers itself when the assembly is loaded. Thread-safe to read.</summary>
public static class PeftMethods
{
    private static readonly SortedDictionary<string, PeftMethod> s_all = new(StringComparer.Ordinal);

    /// <summary>Every method, by name.</summary>
    public static IReadOnlyCollection<PeftMethod> All => s_all.Values;

    /// <summary>Adds a method; called by its own file's module initializer.</summary>
    /// <param name="method">The method.</param>
    /// <exception cref="ArgumentException">A method of this name exists.</exception>
    public static void Register(PeftMethod method) => s_all.Add(method.Name, method);

    /// <summary>The method called <paramref name="name"/>.</summary>
    /// <param name="name">Its name, such as <c>lora</c>.</param>
    /// <exception cref="GraftException">There is none.</exception>
    public static PeftMethod Get(string name) => s_all.TryGetValue(name, out var method)
        ? method
        : throw new GraftException($"There is no method '{name}'; {Suggest.Hint(name, s_all.Keys)}");
}
