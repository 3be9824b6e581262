using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Formats.Foreign.Detection;

/// <summary>
/// What the two Python libraries have in common: an <c>adapter_config.json</c> beside weights in safetensors or, from older versions, as a
/// pickle. Stateless.
/// </summary>
public static class AdapterConfigFile
{
    /// <summary>The name of the file in both libraries.</summary>
    public const string Name = "adapter_config.json";

    /// <summary>The top-level keys of a folder's <c>adapter_config.json</c>; empty when there is none or it is no JSON object.</summary>
    /// <param name="folder">The folder.</param>
    public static IReadOnlyList<string> Keys(string folder)
    {
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path))
        {
            return [];
        }

        try
        {
            return [.. StrictJson.Load(path).Keys];
        }
        catch (GraftException)
        {
            // Which format a damaged file is in cannot be told; reading it as either says what is wrong.
            return [];
        }
    }

    /// <summary>The fields of an object that are not among the known ones, as they are.</summary>
    /// <param name="fields">The object.</param>
    /// <param name="known">The known names.</param>
    public static JsonObject Unknown(StrictObject fields, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return new JsonObject(fields.Keys.Except(known, StringComparer.Ordinal)
            .Select(key => KeyValuePair.Create(key, fields.Raw(key) is { } value ? JsonNode.Parse(value.GetRawText()) : null)));
    }

    /// <summary>The weights' file of a folder, which has to be safetensors.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="pickled">The name of the pickle that older versions write instead.</param>
    /// <returns>The path.</returns>
    /// <exception cref="GraftException">The file is missing, or only the pickle is there; the message has the two lines of Python that convert it.</exception>
    public static string Weights(string folder, string name, string pickled)
    {
        var path = Path.Combine(folder, name);
        if (File.Exists(path))
        {
            return path;
        }

        throw new GraftException(File.Exists(Path.Combine(folder, pickled))
            ? $"'{folder}' has its weights only as the pickle {pickled}, which can run code when it is read; convert it where you trust it, in that folder with Python: " +
              $"import torch, safetensors.torch as s; w = torch.load(\"{pickled}\", map_location=\"cpu\", weights_only=True)\n" +
              $"s.save_file({{k: v.contiguous() for k, v in w.items()}}, \"{name}\", metadata={{\"format\": \"pt\"}})"
            : $"'{folder}' has no {name}; take the adapter's files again.");
    }
}
