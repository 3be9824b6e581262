using System.Text.Json.Nodes;
using Graft.Backbones;

namespace Graft.Formats.Foreign.Peft.Mappings;

/// <summary>What methods with virtual tokens have in common: their sizes, and the key <c>prompt_embeddings</c>. Stateless.</summary>
internal static class PromptShape
{
    /// <summary>Refuses sizes of another backbone.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="backbone">The backbone.</param>
    public static void Check(PeftConfigFile config, Backbone backbone)
    {
        if (config.Fields.Whole("num_transformer_submodules", 1) != 1)
        {
            throw config.Refused("num_transformer_submodules", "Graft reads virtual tokens of one stack");
        }

        if (config.Fields.Whole("token_dim", backbone.Config.HiddenSize) != backbone.Config.HiddenSize)
        {
            throw config.Refused("token_dim", $"this {backbone.Config.ModelType} backbone has width {backbone.Config.HiddenSize}");
        }
    }

    /// <summary>The sizes as fields.</summary>
    /// <param name="backbone">The backbone.</param>
    /// <param name="length">The number of virtual tokens.</param>
    public static Dictionary<string, JsonNode?> Fields(Backbone backbone, int length) => new(StringComparer.Ordinal)
    {
        ["num_attention_heads"] = backbone.Config.Heads,
        ["num_layers"] = backbone.Config.Layers,
        ["num_transformer_submodules"] = 1,
        ["num_virtual_tokens"] = length,
        ["token_dim"] = backbone.Config.HiddenSize,
    };

    /// <summary>The fields of virtual tokens that stand in for word embeddings, as PEFT's do.</summary>
    /// <param name="layout">The adapter.</param>
    public static Dictionary<string, JsonNode?> Words(PeftLayout layout) => layout.Flag("as_words")
        ? Fields(layout.Modules.Backbone, (int)layout.Number("length"))
        : throw layout.NoPlace("virtual tokens behind the embeddings' norm", "train with as_words=true, or convert to adapterhub");

    /// <summary>The one tensor of a prompt.</summary>
    /// <param name="layout">The adapter.</param>
    public static IEnumerable<ForeignTensor> Tensors(PeftLayout layout)
    {
        foreach (var (path, shape) in layout.State)
        {
            yield return path.EndsWith(".prompt", StringComparison.Ordinal) ? ForeignTensor.Renamed("prompt_embeddings", path, shape) : throw layout.NoPlace($"'{path}'");
        }
    }
}
