using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Torch;

namespace Graft.Formats.Foreign;

/// <summary>
/// A form in which adapters are stored, Graft's own or another library's: a row of the registry, stateless and thread-safe. Reading is
/// strict: every key, shape and setting is accounted for, and what Graft cannot compute is an error.
/// </summary>
public abstract class AdapterFormat
{
    /// <summary>The format's name in commands, such as <c>peft</c>.</summary>
    public abstract string Name { get; }

    /// <summary>What it is, in a few words for people.</summary>
    public abstract string Summary { get; }

    /// <summary>Whether a folder holds an adapter of this format, good or bad; only small files are looked at.</summary>
    /// <param name="folder">An existing folder.</param>
    public abstract bool Recognizes(string folder);

    /// <summary>The backbone that the folder names, or null where it names none.</summary>
    /// <param name="folder">A folder that <see cref="Recognizes"/> knows.</param>
    /// <exception cref="GraftException">The folder's settings cannot be read.</exception>
    public abstract string? BaseModel(string folder);

    /// <summary>Reads an adapter.</summary>
    /// <param name="folder">A folder that <see cref="Recognizes"/> knows.</param>
    /// <param name="backbone">The backbone that it belongs to; only its sites and sizes are looked at.</param>
    /// <returns>The adapter; dispose it.</returns>
    /// <exception cref="GraftException">Something is missing, damaged, of another backbone, or cannot be represented; one sentence says what and what to do.</exception>
    public abstract ForeignAdapter Read(string folder, Backbone backbone);

    /// <summary>
    /// Writes an adapter and proves that nothing was lost: what was written is read again, and method, settings, weights, head and labels
    /// have to be the same, bit for bit. The folder appears when all of that is done.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="backbone">The backbone that it belongs to.</param>
    /// <param name="overwrite">Whether an adapter that is there is replaced.</param>
    /// <param name="inspect">Looks at the written folder before it appears, or null; what it throws keeps it from appearing.</param>
    /// <exception cref="GraftException">The format cannot represent the adapter, the folder holds something else, or the place cannot be written.</exception>
    public void Save(string folder, ForeignAdapter adapter, Backbone backbone, bool overwrite = false, Action<string>? inspect = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(backbone);
        RefuseOthers(folder, overwrite);
        AtomicFolder.Replace(folder, place =>
        {
            Write(place, adapter, backbone);
            using var again = Read(place, backbone);
            if (Difference(adapter, again) is { } difference)
            {
                throw new GraftException(
                    $"The format {Name} cannot hold this {adapter.Method} adapter without loss: {difference} would be different when it is read again; keep the adapter in its own format.");
            }

            inspect?.Invoke(place);
        });
    }

    /// <summary>The names of the files that the format writes; a folder with others is never replaced.</summary>
    protected abstract IReadOnlyList<string> Entries { get; }

    /// <summary>Whether an entry of a folder is one that the format writes.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="entry">The name of a file or folder in it.</param>
    protected virtual bool Writes(string folder, string entry) => Entries.Contains(entry, StringComparer.Ordinal);

    /// <summary>Writes an adapter into a folder that nobody reads yet.</summary>
    /// <param name="folder">The folder; it is there and empty.</param>
    /// <param name="adapter">The adapter.</param>
    /// <param name="backbone">The backbone that it belongs to.</param>
    /// <exception cref="GraftException">The format cannot represent the adapter; the message says what of it.</exception>
    protected abstract void Write(string folder, ForeignAdapter adapter, Backbone backbone);

    private void RefuseOthers(string folder, bool overwrite)
    {
        if (File.Exists(folder))
        {
            throw new GraftException($"'{folder}' is a file, expected a folder to write to; choose another place.");
        }

        if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
        {
            return;
        }

        if (!overwrite)
        {
            throw new GraftException($"The folder '{folder}' is not empty; choose another one, or replace what is there with --overwrite.");
        }

        var foreign = Directory.EnumerateFileSystemEntries(folder).Select(p => Path.GetFileName(p))
            .Where(n => !AdapterFormats.All.Any(f => f.Writes(folder, n))).Order(StringComparer.Ordinal).ToList();
        if (foreign.Count > 0)
        {
            throw new GraftException($"The folder '{folder}' holds what is no part of an adapter ({Suggest.List(foreign)}), so it is not replaced; choose an empty or new folder.");
        }
    }

    private static string? Difference(ForeignAdapter wanted, ForeignAdapter found) =>
        wanted.Method != found.Method ? $"the method ({wanted.Method}, {found.Method})"
        : !JsonNode.DeepEquals(wanted.Config, found.Config) ? $"a setting ({wanted.Config.ToJsonString()}, {found.Config.ToJsonString()})"
        : Difference(wanted.Weights, found.Weights) is { } path ? $"the parameter '{path}'"
        : Difference(wanted.Head, found.Head);

    private static string? Difference(ForeignHead? wanted, ForeignHead? found)
    {
        if (wanted is null || found is null)
        {
            return (wanted is null) == (found is null) ? null : "the head";
        }

        return Difference(wanted.Weights, found.Weights) is { } path ? $"the head's '{path}'"
            : !JsonNode.DeepEquals(wanted.Settings, found.Settings) ? $"a setting of the head ({wanted.Settings.ToJsonString()}, {found.Settings.ToJsonString()})"
            : !wanted.Task.Labels.SequenceEqual(found.Task.Labels) ? "the labels"
            : wanted.Task.Kind != found.Task.Kind ? "what the head predicts"
            : null;
    }

    private static string? Difference(IReadOnlyDictionary<string, Tensor> wanted, IReadOnlyDictionary<string, Tensor> found)
    {
        using var scope = new TensorScope();
        return wanted.Keys.Union(found.Keys, StringComparer.Ordinal).FirstOrDefault(path =>
            !wanted.TryGetValue(path, out var a) || !found.TryGetValue(path, out var b) || !a.Shape.SequenceEqual(b.Shape) || !SameBits(a, b));
    }

    // Bits, not numbers: a zero has a sign, and a number may be none.
    private static bool SameBits(Tensor a, Tensor b) => Bytes(a).AsSpan().SequenceEqual(Bytes(b));

    private static byte[] Bytes(Tensor tensor)
    {
        using var stream = new MemoryStream();
        SafetensorsEntry.From("", tensor).WriteBytes(stream);
        return stream.ToArray();
    }
}

/// <summary>The registry of formats. Each format's file registers itself when the assembly is loaded. Thread-safe to read.</summary>
public static class AdapterFormats
{
    private static readonly SortedDictionary<string, AdapterFormat> s_all = new(StringComparer.Ordinal);

    /// <summary>Every format, by name.</summary>
    public static IReadOnlyCollection<AdapterFormat> All => s_all.Values;

    /// <summary>Adds a format; called by its own file's module initializer.</summary>
    /// <param name="format">The format.</param>
    public static void Register(AdapterFormat format) => s_all.Add(format.Name, format);

    /// <summary>The format called <paramref name="name"/>.</summary>
    /// <param name="name">Its name, such as <c>peft</c>.</param>
    /// <exception cref="GraftException">There is none.</exception>
    public static AdapterFormat Get(string name) => s_all.TryGetValue(name, out var format)
        ? format
        : throw new GraftException($"There is no format '{name}'; {Suggest.Hint(name, s_all.Keys)}");
}
