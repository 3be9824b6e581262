using System.Text.Json.Nodes;

namespace Graft.Formats.Foreign.AdapterHub;

/// <summary>The settings of a fusion between AdapterHub's <c>config</c> and Graft's. Stateless.</summary>
internal static class HubFusionSettings
{
    public static JsonObject Read(AskedFields fields)
    {
        // V has no bias, so that it does not matter whether it comes before or after the weighted sum.
        fields.Ignore("value_before_softmax");
        fields.Require("temperature", HubSettings.IsOff, "and Graft's fusion has no temperature; take a fusion without");
        var set = new JsonObject
        {
            ["query"] = fields.Flag("query", true),
            ["key"] = fields.Flag("key", true),
            ["value"] = fields.Flag("value", true),
            ["value_identity"] = fields.Flag("value_initialized", true),
            ["query_before_norm"] = fields.Flag("query_before_ln", false),
            ["residual_before"] = fields.Flag("residual_before", false),
            ["dropout"] = fields.Number("dropout_prob", 0),
        };
        if (!fields.Flag("regularization", true))
        {
            set["regularization"] = 0;
        }

        return Trains(set) ? set : throw fields.Error("query", "none of 'query', 'key' and 'value' is true, so that the fusion has no weights; take another, or average the adapters.");
    }

    public static JsonObject Write(JsonObject config)
    {
        var settings = new AskedFields(StrictJson.From(config, $"the settings of {HubFusion.Method}"));
        settings.Ignore("adapters");
        var dropout = settings.Number("dropout", 0);
        var written = new JsonObject
        {
            ["query"] = settings.Flag("query", true),
            ["key"] = settings.Flag("key", true),
            ["value"] = settings.Flag("value", true),
            ["value_initialized"] = settings.Flag("value_identity", true),
            ["query_before_ln"] = settings.Flag("query_before_norm", false),
            ["residual_before"] = settings.Flag("residual_before", false),
            ["dropout_prob"] = dropout == 0 ? null : HubSettings.Float(dropout),
            ["regularization"] = settings.Number("regularization", 0) > 0,
            ["temperature"] = false,
            ["value_before_softmax"] = true,
        };
        HubSettings.Finish(settings, HubFusion.Method);
        return Trains(written) ? written : throw HubSettings.NoCounterpart(HubFusion.Method, " without query, key and value");
    }

    private static bool Trains(JsonObject set) => new[] { "query", "key", "value" }.Any(k => (bool)set[k]!);
}
