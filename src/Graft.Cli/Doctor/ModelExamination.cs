using Graft.Formats.Sources;
using Graft.Tasks.Suites;

namespace Graft.Cli.Doctor;

/// <summary>Looks at what was pulled: the default model, other models, the starter tasks.</summary>
internal static class ModelExamination
{
    /// <summary>Yields the findings; absence is no fault, pulling is the remedy.</summary>
    public static IEnumerable<Finding> Run(SourceSettings settings)
    {
        IReadOnlyList<LocalModel> models = ModelSources.List(settings);
        LocalModel? preset = models.FirstOrDefault(model => model.Source == ModelSources.Default);
        yield return preset is null
            ? new Finding("default model", Health.Fair, $"{ModelSources.Default} is not here", $"Run: graft pull {ModelSources.Default}")
            : new Finding("default model", Health.Good, $"{preset.Folder}, {Amounts.Bytes(preset.Bytes)}");
        if (models.Any(model => model != preset))
        {
            yield return new Finding("other models", Health.Good, string.Join(", ", models.Where(model => model != preset).Select(model => model.Source)));
        }

        int tasks = StarterSuite.Tasks.Count(task => StarterSuite.Find(task, settings) is not null);
        yield return tasks == StarterSuite.Tasks.Count
            ? new Finding("starter tasks", Health.Good, $"{StarterSuite.Folder(settings)}, {tasks} tasks")
            : new Finding("starter tasks", Health.Fair, "not here", $"Run: graft tasks pull {StarterSuite.Name}");
    }
}
