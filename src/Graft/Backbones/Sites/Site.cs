using System.Text.Json.Serialization;

namespace Graft.Backbones.Sites;

/// <summary>
/// What a site does in its block. Methods ask for roles (<c>Query | Value</c>, <c>FeedForward</c>), never for the
/// module names of an architecture. The first seven are linear maps, the next three sublayers.
/// </summary>
[Flags]
[JsonConverter(typeof(SiteRoleJson))]
public enum SiteRole
{
    /// <summary>No role.</summary>
    None = 0,

    /// <summary>The linear map to queries.</summary>
    Query = 1,

    /// <summary>The linear map to keys.</summary>
    Key = 2,

    /// <summary>The linear map to values.</summary>
    Value = 4,

    /// <summary>The linear map after attention.</summary>
    AttentionOut = 8,

    /// <summary>The first linear map of the feed-forward sublayer.</summary>
    FeedForwardIn = 16,

    /// <summary>The ungated branch of a gated feed-forward sublayer (T5 v1.1's <c>wi_1</c>).</summary>
    FeedForwardGate = 32,

    /// <summary>The last linear map of the feed-forward sublayer.</summary>
    FeedForwardOut = 64,

    /// <summary>The self-attention sublayer.</summary>
    SelfAttention = 128,

    /// <summary>The cross-attention sublayer of a decoder.</summary>
    CrossAttention = 256,

    /// <summary>The feed-forward sublayer.</summary>
    FeedForward = 512,

    /// <summary>Every linear map of a block.</summary>
    AllLinear = Query | Key | Value | AttentionOut | FeedForwardIn | FeedForwardGate | FeedForwardOut,

    /// <summary>Every sublayer of a block.</summary>
    AllSublayers = SelfAttention | CrossAttention | FeedForward,
}

/// <summary>Which stack of an architecture a site belongs to.</summary>
public enum StackKind
{
    /// <summary>The encoder, or the only stack of an encoder-only model.</summary>
    Encoder,

    /// <summary>The decoder, or the only stack of a decoder-only model.</summary>
    Decoder,
}

/// <summary>
/// A place of a backbone where adaptation may happen. The backbone calls its sites; a site at which the pass puts nothing
/// is the identity. The kinds of sites are a closed set: linear map, hidden state, key/value prefix, embedding prefix, parameter.
/// Immutable and thread-safe; what acts at a site travels in the <see cref="AdapterPass"/>.
/// </summary>
/// <param name="path">The checkpoint path of the module at this site, such as <c>encoder.layer.0.attention.self.query</c>.</param>
/// <param name="role">The role of a linear map, or the sublayer itself for the other kinds.</param>
/// <param name="sublayer">The sublayer the site lies in, or <see cref="SiteRole.None"/> outside the blocks.</param>
/// <param name="stack">The stack it belongs to.</param>
/// <param name="layer">The block's number from 0, or -1 outside the blocks.</param>
public abstract class Site(string path, SiteRole role, SiteRole sublayer, StackKind stack, int layer)
{
    /// <summary>The checkpoint path of the module at this site; unique among sites of one kind.</summary>
    public string Path { get; } = path;

    /// <summary>The role of the site.</summary>
    public SiteRole Role { get; } = role;

    /// <summary>The sublayer the site lies in.</summary>
    public SiteRole Sublayer { get; } = sublayer;

    /// <summary>The stack the site belongs to.</summary>
    public StackKind Stack { get; } = stack;

    /// <summary>The block's number from 0, or -1 outside the blocks.</summary>
    public int Layer { get; } = layer;

    /// <summary>The site's number within its <see cref="SiteMap"/>, assigned when it is added.</summary>
    internal int Index { get; set; } = -1;

    /// <summary>
    /// Whether <paramref name="targets"/> selects this site: its role must be among them, and, where they also name sublayers,
    /// its sublayer must be.
    /// </summary>
    /// <param name="targets">Roles, optionally narrowed by sublayers.</param>
    public bool Matches(SiteRole targets)
    {
        var sublayers = targets & SiteRole.AllSublayers;
        if ((Role & SiteRole.AllLinear) == 0)
        {
            return (Role & targets) != 0;
        }

        return (Role & targets) != 0 && (sublayers == 0 || (Sublayer & sublayers) != 0);
    }

    /// <inheritdoc/>
    public override string ToString() => Path;
}
