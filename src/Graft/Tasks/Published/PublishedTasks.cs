using System.Reflection;

namespace Graft.Tasks;

/// <summary>
/// Reads the task files that are embedded in this assembly: <c>SUITE/TASK.task.json</c> and further shapes <c>SUITE/TASK.SHAPE.task.json</c>. Those of more files
/// are tried first, as a folder that has them all is hardly of another shape. Thread-safe.
/// </summary>
internal static class PublishedTasks
{
    private const string Root = "Graft.Tasks.Published/";
    private static readonly string[] s_suites = ["glue", "superglue", "domains", "qa", "general"];

    /// <summary>All tasks, suite by suite, each in the order of the names.</summary>
    public static IReadOnlyList<PublishedTask> All { get; } = [.. s_suites.SelectMany(Tasks)];

    private static IEnumerable<PublishedTask> Tasks(string suite)
    {
        var start = $"{Root}{suite}/";
        return Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(start, StringComparison.Ordinal))
            .Select(name => (Resource: name, Shape: name[start.Length..^TaskFile.Ending.Length]))
            .OrderBy(file => file.Shape.Length)
            .ThenBy(file => file.Shape, StringComparer.Ordinal)
            .GroupBy(file => file.Shape.Split('.')[0], StringComparer.Ordinal)
            .OrderBy(task => task.Key, StringComparer.Ordinal)
            .Select(task => new PublishedTask(suite, [.. task.Select(file => Shape(file.Resource)).OrderByDescending(shape => shape.Files)]));
    }

    private static PublishedShape Shape(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        var json = StrictJson.Parse(bytes.ToArray(), resource);
        return new PublishedShape(TaskFile.Describe(json, resource, "folders"), json.TextList("folders") ?? []);
    }
}
