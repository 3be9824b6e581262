using Graft.Formats.Foreign.Detection;
using Graft.Torch;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>Names of adapters: parts of keys, so that they have no full stop. Stateless.</summary>
internal static class HubNames
{
    /// <summary>The adapter's name in <c>adapter_config.json</c>.</summary>
    /// <param name="top">The file's fields.</param>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">It is missing, a path, or has a full stop.</exception>
    public static string Check(AskedFields top, string path)
    {
        var name = top.Text("name") ?? throw new GraftException($"{path}: 'name' is missing, expected the adapter's name; take the adapter's files again.");
        try
        {
            AdapterFolders.CheckName(name);
        }
        catch (GraftException e)
        {
            throw new GraftException($"{path}: {e.Message}", e);
        }

        return name.Contains('.', StringComparison.Ordinal)
            ? throw new GraftException($"{path}: the name '{name}' has a full stop, which no adapter's name in keys has; take the adapter's files again.")
            : name;
    }

    /// <summary>A name that PyTorch takes for a module: full stops become underscores.</summary>
    /// <param name="name">Graft's name.</param>
    public static string Of(string name) => AdapterFolders.CheckName(name.Replace('.', '_'));
}
