using Graft.Torch;

namespace Graft.Tasks;

/// <summary>One shape in which the files of a task go about. Immutable.</summary>
/// <param name="Description">What its task file says.</param>
/// <param name="Folders">The names of folders that hold files of this shape.</param>
internal sealed record PublishedShape(TaskDescription Description, IReadOnlyList<string> Folders)
{
    private IEnumerable<DataFile> Required => Description.Train.Concat(Description.Dev).Concat(Description.Test).Where(file => !file.Optional);

    /// <summary>How many files have to be there; one of which two splits take their rows counts once.</summary>
    public int Files => Required.SelectMany(file => file.Labels is { } labels ? [file.Names, labels.Path.Path] : new[] { file.Names }).Distinct(StringComparer.Ordinal).Count();

    /// <summary>The files that have to be there, for messages.</summary>
    public string Names => string.Join(" and ", Required.Select(file => file.Names).Distinct());

    /// <summary>Whether the files that have to be there are in a folder.</summary>
    /// <param name="folder">The folder.</param>
    public bool IsIn(string folder) =>
        Required.All(file => file.Find(folder).Count > 0 && (file.Labels is null || DataFile.Existing(folder, file.Labels.Path.Path).Any()));

    /// <summary>Whether each file that has to be there begins with a row that has the columns which are named.</summary>
    /// <param name="folder">The folder, which has the files.</param>
    public bool Fits(string folder) => Required.All(file => Begins(file, file.Find(folder)[0]));

    private bool Begins(DataFile file, DataPath place)
    {
        try
        {
            if (RowReader.Read(place.Path, place.Format).FirstOrDefault() is not { } row)
            {
                return false;
            }

            var pair = (file.Text.Of(row), file.Pair?.Of(row)).Item2;
            _ = Description.Kind switch
            {
                _ when file.LabelIs is not null || file.Labels is not null => 0,
                TaskKind.Span => row.Answers(file.Label, pair!).Count,
                TaskKind.Multilabel => row.Texts(file.Label, file.LabelSeparator).Count,
                _ => row.Text(file.Label).Length,
            };
            _ = file.Group?.Of(row);
            return true;
        }
        catch (GraftException)
        {
            return false;
        }
    }
}
