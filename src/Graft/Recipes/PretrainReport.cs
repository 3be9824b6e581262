using System.Text.Json.Nodes;
using Graft.Training;

namespace Graft.Recipes;

/// <summary>What pretraining came to.</summary>
/// <param name="Folder">The model folder.</param>
/// <param name="Architecture">The Hugging Face class of the model.</param>
/// <param name="Fingerprint">The fingerprint of its weights.</param>
/// <param name="Texts">The items that were trained on.</param>
/// <param name="TextTokens">Their tokens.</param>
/// <param name="CutTexts">The items that were longer than the model reads and lost their end.</param>
/// <param name="DevTexts">The items that were judged on.</param>
/// <param name="Steps">The optimizer steps.</param>
/// <param name="Tokens">The tokens of all steps.</param>
/// <param name="TrainedParameters">The parameters that were trained, the head's included.</param>
/// <param name="HeadWasPretrained">Whether the model's files had a head for masked words; true where a decoder writes.</param>
/// <param name="LossBefore">The loss on dev before the first step; null without dev.</param>
/// <param name="LossAfter">The loss on dev behind the last step; null without dev.</param>
/// <param name="AccuracyAfter">The share of what was taken out of dev that is restored behind the last step; null without dev.</param>
/// <param name="Seconds">The wall time of training and evaluation.</param>
/// <param name="TokensPerSecond">Training tokens per second of training steps.</param>
/// <param name="FoldingDifference">The largest relative difference of a hidden state, on T5 of a score, between the adapted model and the written one; 0 where nothing is folded.</param>
public sealed record PretrainReport(
    string Folder, string Architecture, string Fingerprint, int Texts, long TextTokens, int CutTexts, int DevTexts, int Steps, long Tokens, long TrainedParameters,
    bool HeadWasPretrained, double? LossBefore, double? LossAfter, double? AccuracyAfter, double Seconds, double TokensPerSecond, double FoldingDifference)
{
    /// <summary>The package of the adapter where it cannot be folded into the model, which then has the weights that it began with; null where it is.</summary>
    public string? Adapter { get; init; }

    /// <summary>The report as JSON, values that are not finite as null.</summary>
    public JsonObject ToJson() => new()
    {
        ["folder"] = Folder,
        ["architecture"] = Architecture,
        ["fingerprint"] = Fingerprint,
        ["texts"] = Texts,
        ["textTokens"] = TextTokens,
        ["cutTexts"] = CutTexts,
        ["devTexts"] = DevTexts,
        ["steps"] = Steps,
        ["tokens"] = Tokens,
        ["trainedParameters"] = TrainedParameters,
        ["headWasPretrained"] = HeadWasPretrained,
        ["lossBefore"] = Number(LossBefore),
        ["lossAfter"] = Number(LossAfter),
        ["accuracyAfter"] = Number(AccuracyAfter),
        ["seconds"] = Math.Round(Seconds, 3),
        ["tokensPerSecond"] = Math.Round(TokensPerSecond, 1),
        ["foldingDifference"] = Number(FoldingDifference),
        ["adapter"] = Adapter,
    };

    /// <summary>Reads a report that <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The object.</param>
    public static PretrainReport FromJson(JsonObject json)
    {
        ArgumentNullException.ThrowIfNull(json);
        return new PretrainReport(
            Of<string>("folder"), Of<string>("architecture"), Of<string>("fingerprint"), Of<int>("texts"), Of<long>("textTokens"), Of<int>("cutTexts"), Of<int>("devTexts"),
            Of<int>("steps"), Of<long>("tokens"), Of<long>("trainedParameters"), Of<bool>("headWasPretrained"), json["lossBefore"]?.GetValue<double>(),
            json["lossAfter"]?.GetValue<double>(), json["accuracyAfter"]?.GetValue<double>(), Of<double>("seconds"), Of<double>("tokensPerSecond"),
            json["foldingDifference"]?.GetValue<double>() ?? double.NaN)
        {
            Adapter = json["adapter"]?.GetValue<string>(),
        };

        T Of<T>(string key) => json[key]!.GetValue<T>();
    }

    private static JsonNode? Number(double? value) => value is { } number ? RunLog.Number(number) : null;
}
