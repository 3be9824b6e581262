using System.Text.Json.Nodes;

namespace Graft.Recipes;

/// <summary>What was converted. Immutable.</summary>
/// <param name="From">The format that was read.</param>
/// <param name="To">The format that was written.</param>
/// <param name="Source">The folder that was read.</param>
/// <param name="Destination">The folder that was written.</param>
/// <param name="Name">The adapter's name.</param>
/// <param name="Method">Its method.</param>
/// <param name="Config">Its settings as Graft reads them.</param>
/// <param name="Backbone">The backbone's folder.</param>
/// <param name="Keys">The keys of the source's files, all of which were read.</param>
/// <param name="Parameters">The number of the adapter's elements, without the head.</param>
/// <param name="HeadParameters">The number of the head's elements; 0 without a head.</param>
/// <param name="Labels">The labels of the head.</param>
/// <param name="UnknownFields">The settings of another library that Graft does not know; they were kept.</param>
/// <param name="Notes">What a user should know, a sentence each.</param>
/// <param name="Bytes">The bytes of each file that was written.</param>
public sealed record ConvertReport(
    string From, string To, string Source, string Destination, string Name, string Method, JsonObject Config, string Backbone, IReadOnlyList<string> Keys,
    long Parameters, long HeadParameters, IReadOnlyList<string> Labels, IReadOnlyList<string> UnknownFields, IReadOnlyList<string> Notes,
    IReadOnlyDictionary<string, long> Bytes)
{
    /// <summary>The report as JSON.</summary>
    public JsonObject ToJson() => new()
    {
        ["from"] = From,
        ["to"] = To,
        ["source"] = Source,
        ["destination"] = Destination,
        ["name"] = Name,
        ["method"] = Method,
        ["config"] = Config.DeepClone(),
        ["backbone"] = Backbone,
        ["keys"] = List(Keys),
        ["parameters"] = Parameters,
        ["headParameters"] = HeadParameters,
        ["labels"] = List(Labels),
        ["unknownFields"] = List(UnknownFields),
        ["notes"] = List(Notes),
        ["bytes"] = new JsonObject(Bytes.Select(b => KeyValuePair.Create(b.Key, (JsonNode?)b.Value))),
    };

    private static JsonArray List(IEnumerable<string> items) => [.. items.Select(i => (JsonNode?)i)];
}
