using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Torch;

namespace Graft.Formats.Foreign;

/// <summary>
/// A head as files carry it: plain words and tensors, to which the folder of tasks gives meaning. Immutable; the tensors belong to the
/// <see cref="ForeignAdapter"/>.
/// </summary>
/// <param name="Task">What it predicts; its labels are in the order of the outputs.</param>
/// <param name="Settings">The settings as in <c>head</c> of <c>graft.json</c>.</param>
/// <param name="Weights">The tensors by their keys in <c>head.safetensors</c>.</param>
public sealed record ForeignHead(PackageTask Task, JsonObject Settings, IReadOnlyDictionary<string, Tensor> Weights);

/// <summary>
/// An adapter between two formats: Graft's own names, whichever format it came from. Owns its tensors. Thread contract: read by any number
/// of threads, disposed by one.
/// </summary>
/// <param name="Method">The name of the method.</param>
/// <param name="Config">The settings as the method reads them.</param>
/// <param name="Weights">Every parameter and buffer of the adapter by its path, float32.</param>
public sealed record ForeignAdapter(string Method, JsonObject Config, IReadOnlyDictionary<string, Tensor> Weights) : IDisposable
{
    /// <summary>The longest row in tokens where the format does not say it.</summary>
    public const int UsualMaxTokens = 256;

    /// <summary>The adapter's name.</summary>
    public string Name { get; init; } = "default";

    /// <summary>The head, or null where the format carries none.</summary>
    public ForeignHead? Head { get; init; }

    /// <summary>The model that it was trained on, as the format names it; null where it does not.</summary>
    public string? BaseModel { get; init; }

    /// <summary>The fingerprint of the backbone that it was trained on, where that is known.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The longest row in tokens that it was trained on.</summary>
    public int MaxTokens { get; init; } = UsualMaxTokens;

    /// <summary>How it was trained: free for people and programs to read, nothing depends on it.</summary>
    public JsonObject Training { get; init; } = [];

    /// <summary>Settings of another library that Graft does not know, as they were; written back into the same format alone.</summary>
    public JsonObject UnknownFields { get; init; } = [];

    /// <summary>The name of the format that the unknown settings belong to.</summary>
    public string Origin { get; init; } = "";

    /// <summary>What became of every key of the files.</summary>
    public KeyReport Keys { get; init; } = new([], [], [], []);

    /// <summary>What a user should know about the reading, a sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The number of elements of the adapter's tensors.</summary>
    public long Elements => Weights.Values.Sum(w => w.Count);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Weights.Values.Concat(Head?.Weights.Values ?? []))
        {
            tensor.Dispose();
        }
    }
}
