using System.Globalization;
using System.Text;
using Graft.Formats.Sources;

namespace Graft.Tasks.Suites;

/// <summary>Writes where the starter suite comes from, its licences, its rules and its rows, beside the data. Thread-safe.</summary>
internal static class StarterNotice
{
    /// <summary>Writes <c>NOTICE.md</c> and the licence texts of the packages.</summary>
    public static void Write(string folder, IReadOnlyList<PulledTask> tasks, string sentiment, string cooking, string wordNet, CancellationToken cancellation)
    {
        Copy(folder, sentiment, "LICENSE.md", StarterSentiment.Package, cancellation);
        Copy(folder, cooking, "LICENSE", StarterCooking.Package, cancellation);
        Copy(folder, wordNet, "LICENSE", StarterWordNet.Package, cancellation);
        File.WriteAllText(Path.Combine(folder, "NOTICE.md"), Text(tasks), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    private static string Text(IReadOnlyList<PulledTask> tasks)
    {
        var table = new StringBuilder();
        foreach (var task in tasks)
        {
            table.Append(CultureInfo.InvariantCulture, $"| {task.Name} | {task.Classes} | {task.Train} | {task.Dev} | {task.Test} |\n");
        }

        return $"""
            # The starter suite: origin, licences, rules

            Graft built these tasks on this machine from the following npm packages. Their licence texts lie beside this file.

            * `sentiment-*`: {StarterSentiment.Package} (MIT). The sentences are the Sentiment Labelled Sentences of the UCI Machine
              Learning Repository (Kotzias et al., From Group to Individual Labels using Deep Features, KDD 2015).
            * `cooking`: {StarterCooking.Package} (MIT). The questions are from Stack Exchange (cooking), CC BY-SA.
            * `wordnet-*`: {StarterWordNet.Package} (WordNet 3.1, copyright 2011 by Princeton University; WordNet licence: use, copying,
              modification and distribution for any purpose without fee, the notice kept on all copies).

            | task | classes | train | dev | test |
            |---|---|---|---|---|
            {table}
            Each row's split follows from the SHA-256 of its key (the text; for WordNet the synonym set, for hypernymy the
            hypernym): the first eight bytes, big-endian, modulo 10. Tenths below the test share are test (sentiment and domain
            three, cooking two, the others one), the next tenth is dev, the others are train. Rows lie in the order of the key's second
            eight bytes. Test keeps at most {SuiteSplit.MostTest} rows and dev {SuiteSplit.MostDev}; what is over is left out.
            Definitions that occur twice are kept once, those that occur under two classes are dropped.

            """;
    }

    private static void Copy(string folder, string archive, string name, NpmPackage package, CancellationToken cancellation) =>
        File.WriteAllBytes(Path.Combine(folder, $"LICENSE-{package.Name}.txt"), PackageArchive.Read(archive, [name], cancellation)[name]);
}
