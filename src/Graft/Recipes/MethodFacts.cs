using System.Text.Json.Nodes;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>What a method has to say of stored weights, for <c>graft inspect</c>. Stateless.</summary>
internal static class MethodFacts
{
    /// <summary>Adds what a method says of the weights in files of one adapter.</summary>
    /// <param name="facts">Receives it.</param>
    /// <param name="method">The method.</param>
    /// <param name="config">The stored settings.</param>
    /// <param name="paths">The files.</param>
    /// <exception cref="GraftException">A file is missing or damaged.</exception>
    public static void Add(JsonObject facts, PeftMethod method, PeftConfig config, IEnumerable<string> paths)
    {
        using var scope = new TensorScope();
        var files = new Dictionary<string, SafetensorsFile>(StringComparer.Ordinal);
        List<SafetensorsFile> open = [];
        try
        {
            foreach (var path in paths)
            {
                open.Add(SafetensorsFile.Open(path));
                foreach (var key in open[^1].Keys)
                {
                    files[key] = open[^1];
                }
            }

            foreach (var (name, fact) in method.Describe(config, files.Keys, key => files[key].Load(key)))
            {
                facts[name] = fact?.DeepClone();
            }
        }
        finally
        {
            open.ForEach(f => f.Dispose());
        }
    }
}
