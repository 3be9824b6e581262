using System.Text;
using System.Text.Json.Nodes;
using Graft.Evaluation.Reports;
using Graft.Formats.Packages;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Draws what the adapter of a package learnt, such as the overlap of its masks, its prototypes or how far it moves each matrix: what
/// <c>graft inspect --page</c> does. Stateless and thread-safe.
/// </summary>
public static class DrawPackage
{
    private static readonly Dictionary<string, double> s_nothing = new(StringComparer.Ordinal);

    /// <summary>Writes one page with the pictures that the adapter's method gives.</summary>
    /// <param name="path">A package of one task or of several, or <c>FOLDER#TASK</c>.</param>
    /// <param name="page">The file to write; replaced as a whole.</param>
    /// <param name="backbone">A backbone's folder or name; null for the one that the package names.</param>
    /// <exception cref="GraftException">
    /// The package or its backbone is missing, damaged, or they do not belong together; the method has no pictures of a package alone; the
    /// file cannot be written.
    /// </exception>
    public static void Write(string path, string page, string? backbone = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(page);
        var places = Places(path);
        using var model = GraftModel.Load(places, backbone);
        using var scope = new TensorScope();
        var adapter = model.Models[0].Adapter;
        var pictures = adapter.Method.Pictures(adapter, s_nothing);
        if (pictures.Count == 0)
        {
            throw new GraftException(
                $"The method {adapter.Method.Name} has no pictures of '{path}' alone; name the whole package where it is a task of several, or see the report of a comparison, which also has what shows in training.");
        }

        var tasks = ReportWords.Listed(model.Tasks.Select(t => t.Name));
        var settings = adapter.Method.WriteConfig(adapter.Config).Where(s => s.Value is not (null or JsonArray { Count: 0 })).Select(s => $"{s.Key} {s.Value}");
        var html = PackagePage.Html(
            $"{adapter.Method.Name} for {tasks}",
            [
                ["Package", Path.GetFileName(Path.TrimEndingDirectorySeparator(path))],
                ["Method", adapter.Method.Name],
                ["Settings", string.Join(", ", settings)],
                [model.Tasks.Count == 1 ? "Task" : "Tasks", tasks],
                ["Backbone", $"{AdapterPackage.Open(places[0]).Manifest.Backbone.Source}, frozen"],
            ],
            pictures);
        AtomicFile.Write(page, stream => stream.Write(Encoding.UTF8.GetBytes(html)));
    }

    private static IReadOnlyList<string> Places(string path)
    {
        if (!JointPackage.IsJoint(path))
        {
            return [path];
        }

        return JointPackage.Open(path).Places is { Count: > 0 } tasks
            ? tasks
            : throw new GraftException($"The package '{path}' has no task, and pictures are of an adapter that has some; add one with graft adapt.");
    }
}
