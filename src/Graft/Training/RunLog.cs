using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Training;

/// <summary>
/// A run's log: one JSON object a line, each with <c>event</c>. Every line is flushed, and a resumed run cuts what was logged after its
/// checkpoint, so that the log reads as if nothing had happened. Thread contract: one thread.
/// </summary>
public sealed class RunLog : IDisposable
{
    private static readonly JsonSerializerOptions s_oneLine = new() { WriteIndented = false };
    private readonly FileStream _file;

    private RunLog(FileStream file) => _file = file;

    /// <summary>Brings what was written to the disk, so that a checkpoint that is written next never knows more than the log, whatever happens to the machine.</summary>
    /// <returns>The bytes written so far.</returns>
    /// <exception cref="GraftException">The disk does not take it.</exception>
    public long Sync()
    {
        try
        {
            _file.Flush(flushToDisk: true);
            return _file.Length;
        }
        catch (IOException e)
        {
            throw Unwritable(_file.Name, e);
        }
    }

    /// <summary>Opens a log and cuts it to <paramref name="length"/> bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="length">The bytes to keep: 0 for a new run.</param>
    /// <exception cref="GraftException">The file cannot be written.</exception>
    public static RunLog Open(string path, long length = 0)
    {
        try
        {
            // Without a buffer a line that does not fit the disk fails where it is written, not again when the file is closed.
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
            file.SetLength(Math.Min(length, file.Length));
            file.Seek(0, SeekOrigin.End);
            return new RunLog(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(path, e);
        }
    }

    /// <summary>Appends an event.</summary>
    /// <param name="name">Its name, such as <c>step</c>.</param>
    /// <param name="values">Its values; numbers that are not finite are written as null.</param>
    /// <exception cref="GraftException">The disk is full; what was logged before stays.</exception>
    public void Write(string name, params ReadOnlySpan<(string Key, JsonNode? Value)> values)
    {
        var line = new JsonObject { ["event"] = name };
        foreach (var (key, value) in values)
        {
            line[key] = value;
        }

        var bytes = Encoding.UTF8.GetBytes(line.ToJsonString(s_oneLine) + "\n");
        try
        {
            _file.Write(bytes);
        }
        catch (IOException e)
        {
            throw Unwritable(_file.Name, e);
        }
    }

    /// <summary>A number as JSON, null where it is not finite.</summary>
    /// <param name="value">The number.</param>
    public static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(value) : null;

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static GraftException Unwritable(string path, Exception e) => new(
        $"The run log '{path}' cannot be written ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')}); free some space and go on with --resume, or give another --out.", e);
}
