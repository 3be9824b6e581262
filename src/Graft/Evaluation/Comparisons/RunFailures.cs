using System.Text;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// The runs that failed, each a file beside the finished runs. A call tries again what failed before it began, once; what fails while it
/// works, in whichever process, it leaves. Thread contract: one thread an object, any number of processes a folder.
/// </summary>
internal sealed class RunFailures
{
    private const string Ending = ".failed.json";
    private readonly string _folder;
    private readonly HashSet<string> _before;

    /// <summary>Opens the failures of a folder of runs, which exists.</summary>
    /// <param name="folder">The folder.</param>
    public RunFailures(string folder)
    {
        _folder = folder;
        _before = [.. Directory.EnumerateFiles(folder, "*" + Ending).Select(Read).Where(f => f is not null).Select(f => f!.Value.Token)];
    }

    /// <summary>Why a run failed since this object was made; null where it did not.</summary>
    /// <param name="id">The run.</param>
    public string? Of(string id) => Read(Place(id)) is { } failure && !_before.Contains(failure.Token) ? failure.Reason : null;

    /// <summary>Says that a run failed.</summary>
    /// <param name="id">The run.</param>
    /// <param name="reason">Why, in one sentence.</param>
    /// <exception cref="GraftException">The folder cannot be written.</exception>
    public void Add(string id, string reason)
    {
        var text = new JsonObject { ["reason"] = reason, ["token"] = $"{Guid.NewGuid():N}" }.ToJsonString();
        AtomicFile.Write(Place(id), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Forgets that a run failed, as it is finished.</summary>
    /// <param name="id">The run.</param>
    public void Remove(string id) => File.Delete(Place(id));

    private string Place(string id) => Path.Combine(_folder, id + Ending);

    private static (string Reason, string Token)? Read(string path)
    {
        try
        {
            return File.Exists(path) && JsonNode.Parse(File.ReadAllText(path)) is JsonObject failure
                ? (failure["reason"]!.GetValue<string>(), failure["token"]!.GetValue<string>())
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Text.Json.JsonException or NullReferenceException or InvalidOperationException)
        {
            return null; // damaged: as if it had never failed, so it is tried again
        }
    }
}
