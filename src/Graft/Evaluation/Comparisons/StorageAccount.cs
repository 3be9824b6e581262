using System.Text.Json;
using System.Text.Json.Serialization;
using Graft.Torch;

namespace Graft.Evaluation.Comparisons;

/// <summary>
/// What many tasks take on disk with each method on one backbone: packages that were written and measured for 1 and 8 tasks, and the formula
/// that they confirm beyond. The backbone itself is needed once beside them, except with full copies. Immutable; its file is <c>storage.json</c>.
/// </summary>
/// <param name="Backbone">The backbone, as it was asked for.</param>
/// <param name="BackboneBytes">The bytes of its parameters in float32.</param>
/// <param name="Labels">The labels of each task.</param>
/// <param name="Methods">The methods.</param>
public sealed record StorageAccount(string Backbone, long BackboneBytes, int Labels, IReadOnlyList<MethodStorage> Methods)
{
    /// <summary>The numbers of tasks that are accounted for.</summary>
    public static IReadOnlyList<int> TaskCounts { get; } = [1, 8, 100, 1000];

    /// <summary>The largest number of tasks whose packages are written and measured.</summary>
    public const int MostWritten = 8;

    /// <summary>Writes the account, in one rename.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">It cannot be written.</exception>
    public void Save(string path) => AtomicFile.Write(path, stream => JsonSerializer.Serialize(stream, this, StorageJson.Default.StorageAccount));

    /// <summary>Reads an account.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="GraftException">It cannot be read, or is no account.</exception>
    public static StorageAccount Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var stream = File.OpenRead(path);
            return JsonSerializer.Deserialize(stream, StorageJson.Default.StorageAccount) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw new GraftException($"{path}: no storage account ({StrictJson.Reason(e)}); delete it and call 'graft compare' again, which writes it anew.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path}: cannot be read ({e.Message.TrimEnd('.')}); check its permissions.", e);
        }
    }
}

/// <summary>
/// The bytes of a method's packages: by formula <c>shared + tasks · (4 (P + H) + overhead)</c>, P stored parameters and H of the head per task in
/// float32. Immutable.
/// </summary>
/// <param name="Method">What reports call it.</param>
/// <param name="BaseMethod">Its name in the registry.</param>
/// <param name="Parameters">P: the parameters that a task's package keeps, by the method's formula.</param>
/// <param name="HeadParameters">H: those of its head.</param>
/// <param name="OverheadBytes">What a task's package holds beside numbers: names, shapes and the manifest, measured on the first package.</param>
/// <param name="SharedBytes">What is kept once for all tasks; 0 for methods of single tasks.</param>
/// <param name="Points">The bytes for each number of tasks.</param>
public sealed record MethodStorage(
    string Method, string BaseMethod, long Parameters, long HeadParameters, long OverheadBytes, long SharedBytes, IReadOnlyList<StoragePoint> Points)
{
    /// <summary>The bytes that one more task takes, by formula.</summary>
    [JsonIgnore]
    public long BytesPerTask => (sizeof(float) * (Parameters + HeadParameters)) + OverheadBytes;

    /// <summary>The bytes that tasks take, by formula.</summary>
    /// <param name="tasks">The number of tasks.</param>
    public long ByFormula(int tasks) => SharedBytes + (tasks * BytesPerTask);

    /// <summary>The largest difference between the files of a point and the formula, in bytes; 0 where they agree.</summary>
    [JsonIgnore]
    public long Difference => Points.Where(p => p.FromFiles).Max(p => Math.Abs(p.Bytes - ByFormula(p.Tasks)));
}

/// <summary>The bytes of a number of tasks. Immutable.</summary>
/// <param name="Tasks">The number of tasks.</param>
/// <param name="Bytes">The bytes of every file of their packages.</param>
/// <param name="FromFiles">Whether the packages were written and measured; otherwise the bytes are the formula's.</param>
public sealed record StoragePoint(int Tasks, long Bytes, bool FromFiles);

/// <summary>How <c>storage.json</c> is written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, WriteIndented = true)]
[JsonSerializable(typeof(StorageAccount))]
internal sealed partial class StorageJson : JsonSerializerContext;
