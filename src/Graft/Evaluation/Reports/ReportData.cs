using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using Graft.Methods.Core;

namespace Graft.Evaluation.Reports;

/// <summary>
/// What a report's page holds: the statistics of every choice that its reader can make, and what is drawn of single runs. Methods, tasks and
/// sizes are named by their places in its lists. Scores are fractions; what is not finite is null. Immutable.
/// </summary>
internal sealed record ReportData
{
    /// <summary>The comparison's name.</summary>
    public required string Name { get; init; }

    /// <summary>The version of Graft that makes the report.</summary>
    public required string Version { get; init; }

    /// <summary>What was compared, in a sentence.</summary>
    public required string Deck { get; init; }

    /// <summary>What is missing, in a sentence; null where nothing is.</summary>
    public required string? Incomplete { get; init; }

    /// <summary>What scores are: the metric, where all tasks have the same.</summary>
    public required string Score { get; init; }

    /// <summary>The methods in the order of the plan.</summary>
    public required IReadOnlyList<ReportMethod> Methods { get; init; }

    /// <summary>The tasks in the order of the plan; each mixture is followed by its parts.</summary>
    public required IReadOnlyList<ReportTask> Tasks { get; init; }

    /// <summary>The numbers of training rows in the order of the plan.</summary>
    public required IReadOnlyList<ReportSize> Sizes { get; init; }

    /// <summary>The statistics of all tasks together, then of each of <see cref="Tasks"/>.</summary>
    public required IReadOnlyList<ReportView> Views { get; init; }

    /// <summary>The finished runs.</summary>
    public required IReadOnlyList<ReportRun> Runs { get; init; }

    /// <summary>What adapters learnt, for the runs that show it.</summary>
    public required IReadOnlyList<ReportPictures> Pictures { get; init; }

    /// <summary>The storage account; null where there is none.</summary>
    public ReportStorage? Storage { get; init; }

    /// <summary>The plan's hypotheses with their verdicts.</summary>
    public required IReadOnlyList<ReportHypothesis> Hypotheses { get; init; }

    /// <summary>The headings of the hypotheses' checks.</summary>
    public IReadOnlyList<string> HypothesisHead => HypothesisTable.Head;

    /// <summary>The runs that are missing, a line each.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>How it was made: a name and a text each.</summary>
    public required IReadOnlyList<IReadOnlyList<string>> Facts { get; init; }

    /// <summary>The plan.</summary>
    public required JsonObject Plan { get; init; }

    /// <summary>The command of each run.</summary>
    public required IReadOnlyList<string> Commands { get; init; }

    /// <summary>The data as JSON in which <c>&lt;</c>, <c>&gt;</c> and <c>&amp;</c> are escaped, so that it can stand in a page.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ReportJson.OfPage.ReportData);
}

/// <summary>A method: its name in the plan and in the registry, and the rate that its search was around.</summary>
internal sealed record ReportMethod(string Name, string Base, double Rate);

/// <summary>A task or mixture; a part of a mixture has the mixture's place as <paramref name="Of"/>.</summary>
internal sealed record ReportTask(string Name, string Metric, int? Of = null);

/// <summary>A number of training rows: as the plan says it, and in the mean over the runs.</summary>
internal sealed record ReportSize(string Label, double Rows);

/// <summary>The statistics of a choice of tasks; the recommended method of each size is null where there is none.</summary>
internal sealed record ReportView(IReadOnlyList<ReportCell> Cells, IReadOnlyList<ReportPair> Pairs, IReadOnlyList<int?> Recommended, IReadOnlyList<string> Advice);

/// <summary>A method (<paramref name="M"/>) with one number of rows (<paramref name="S"/>).</summary>
internal sealed record ReportCell(
    int M, int S, double Mean, double? Deviation, double Low, double High, bool Sure, double? Rank,
    double Bytes, double Parameters, double Seconds, long? Memory, bool Comparable);

/// <summary>Method <paramref name="A"/> against method <paramref name="B"/>: <paramref name="Mean"/> is of its score minus the other's.</summary>
internal sealed record ReportPair(int A, int B, int S, int Wins, int Ties, int Losses, double P, double Holm, int N, double Mean, double Low, double High);

/// <summary>A run: its trials as rate and dev, and a curve for each of its tasks as step, dev and loss.</summary>
internal sealed record ReportRun(
    int M, int T, int S, long Seed, double Rate, IReadOnlyList<IReadOnlyList<double?>> Trials, IReadOnlyList<IReadOnlyList<IReadOnlyList<double>>> Curves);

/// <summary>The pictures of a run.</summary>
internal sealed record ReportPictures(int Run, IReadOnlyList<MethodPicture> Pictures);

/// <summary>The bytes of each method for each count of tasks, and whether files were measured.</summary>
internal sealed record ReportStorage(IReadOnlyList<int> Counts, long Backbone, IReadOnlyList<ReportStorageRow> Rows, string Note);

/// <summary>A hypothesis: what it claims, what that means exactly, its verdict, and a row of words for each check.</summary>
internal sealed record ReportHypothesis(string Text, string Meaning, string Verdict, IReadOnlyList<IReadOnlyList<string>> Checks);

/// <summary>A method's bytes; its place is null where the comparison has no such method.</summary>
internal sealed record ReportStorageRow(int? M, string Name, IReadOnlyList<long> Bytes, IReadOnlyList<bool> Measured);

/// <summary>Writes numbers with nine digits, and null for what is not finite: JSON has no word for it.</summary>
internal sealed class ShortNumbers : JsonConverter<double>
{
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        if (double.IsFinite(value))
        {
            writer.WriteRawValue(value.ToString("G9", CultureInfo.InvariantCulture));
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}

/// <summary>How a report's data is written.</summary>
[JsonSerializable(typeof(ReportData))]
[JsonSerializable(typeof(PackageData))]
internal sealed partial class ReportJson : JsonSerializerContext
{
    /// <summary>Short and readable, and safe inside of a script element.</summary>
    public static ReportJson OfPage { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
        Converters = { new ShortNumbers() },
    });
}
