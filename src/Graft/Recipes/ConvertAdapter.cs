using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Formats.Foreign.Detection;
using Graft.Formats.Packages;
using Graft.Formats.Sources;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Takes an adapter from one format to another, losslessly or not at all: what <c>graft convert</c> does. Stateless.
/// </summary>
public static class ConvertAdapter
{
    /// <summary>Reads, writes, reads again and compares; the destination appears when all of that is done.</summary>
    /// <param name="settings">What to convert.</param>
    /// <exception cref="GraftException">
    /// The source is no adapter, is damaged or belongs to another backbone, the destination's format cannot represent it, or the place cannot be
    /// written; nothing is changed then.
    /// </exception>
    public static ConvertReport Run(ConvertSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var format = AdapterFormats.Get(settings.To);
        var found = Find(settings);
        if (Path.GetFullPath(found.Folder) == Path.GetFullPath(settings.Destination))
        {
            throw new GraftException($"'{settings.Destination}' is what is to be converted; choose another folder to write to.");
        }

        var folder = BackboneOf(settings, found);
        using var named = Backbone.Load(folder, found.Format is PackageFormat ? TaskModelPackage.Parts(AdapterPackage.Open(found.Folder)) : null);
        using var read = found.Format.Read(found.Folder, named);
        var adapter = Named(read, settings, found);

        // A package asks for the parts of the backbone that its head reads; another library's folder tells of its head only when it is read.
        var pooler = format is PackageFormat && found.Format is not PackageFormat && (string?)adapter.Head?.Settings["pooling"] == "pooler";
        using var pooled = pooler ? Backbone.Load(folder, new BackboneOptions(Pooler: true)) : null;
        var backbone = pooled ?? named;
        if (settings.Backbone is { } asked && adapter.Fingerprint is null)
        {
            // Which backbone it is, only the user says; the other library's name for it may be of a model that is merely alike.
            adapter = adapter with { BaseModel = Directory.Exists(asked) ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(asked))) : asked };
        }

        format.Save(settings.Destination, adapter, backbone, settings.Overwrite, format is PackageFormat ? Check : null);
        return new ConvertReport(
            found.Format.Name, format.Name, found.Folder, settings.Destination, adapter.Name, adapter.Method, adapter.Config, folder, adapter.Keys.Loaded, adapter.Elements,
            adapter.Head?.Weights.Values.Sum(w => w.Count) ?? 0, adapter.Head?.Task.Labels ?? [], [.. adapter.UnknownFields.Select(f => f.Key)], adapter.Notes,
            Directory.EnumerateFiles(settings.Destination, "*", SearchOption.AllDirectories).OrderBy(f => f, StringComparer.Ordinal)
                .ToDictionary(f => Path.GetRelativePath(settings.Destination, f), f => new FileInfo(f).Length, StringComparer.Ordinal));

        // A package that does not load must not appear: only the folder of tasks knows whether a head's settings make sense.
        void Check(string place) => TaskModelPackage.Load(place, backbone).Dispose();
    }

    private static FoundAdapter Find(ConvertSettings settings)
    {
        if (settings.Name is { } name)
        {
            AdapterFolders.CheckName(name);
            if (Directory.Exists(settings.Source) && AdapterFolders.FormatOf(settings.Source) is null)
            {
                return AdapterFolders.Find(settings.Source, name);
            }
        }

        return AdapterFolders.Find(settings.Source);
    }

    private static string BackboneOf(ConvertSettings settings, FoundAdapter found)
    {
        if (settings.Backbone is { } asked)
        {
            return ModelSources.Resolve(asked);
        }

        var named = found.Format.BaseModel(found.Folder) ?? throw new GraftException($"The adapter '{found.Folder}' names no backbone; name its folder with --backbone.");
        try
        {
            return ModelSources.Resolve(named);
        }
        catch (GraftException e)
        {
            throw new GraftException(
                $"The adapter '{found.Folder}' was trained on the backbone '{named}', which is not found here ({e.Message.TrimEnd('.')}); name its folder with --backbone.", e);
        }
    }

    private static ForeignAdapter Named(ForeignAdapter adapter, ConvertSettings settings, FoundAdapter found)
    {
        var name = settings.Name ?? (adapter.Name is "" or "default" ? found.Name : adapter.Name);
        var head = adapter.Head;
        if (settings.Labels is { } labels)
        {
            head = head is null ? throw new GraftException($"The adapter '{found.Folder}' has no head, so it has no labels; leave out --labels.")
                : labels.Count != head.Task.Labels.Count || labels.Distinct(StringComparer.Ordinal).Count() != labels.Count ? throw new GraftException(
                    $"--labels has {labels.Count} labels, expected {head.Task.Labels.Count} different ones in the order of the head's outputs ({Suggest.List(head.Task.Labels)}).")
                : head with { Task = head.Task with { Labels = labels } };
        }

        if (head is not null && settings.Name is not null)
        {
            head = head with { Task = head.Task with { Name = name } };
        }

        return adapter with { Name = name, Head = head };
    }
}
