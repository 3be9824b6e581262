using System.Text.Json;
using System.Text.Json.Serialization;

namespace Graft.Backbones.Sites;

/// <summary>Roles as text: snake_case names joined by commas, such as <c>query, value</c>; a list of names is read too.</summary>
internal sealed class SiteRoleJson : JsonConverter<SiteRole>
{
    private static readonly Dictionary<string, SiteRole> s_names = Enum.GetValues<SiteRole>()
        .ToDictionary(r => JsonNamingPolicy.SnakeCaseLower.ConvertName(r.ToString()), r => r, StringComparer.Ordinal);

    public override SiteRole Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return Roles(reader.GetString()!);
        }

        var roles = SiteRole.None;
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw new JsonException("roles are names joined by commas, such as 'query, value'");
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            roles |= reader.TokenType == JsonTokenType.String
                ? Parse(reader.GetString()!)
                : throw new JsonException("roles are names, such as ['query', 'value']");
        }

        return roles;
    }

    public override void Write(Utf8JsonWriter writer, SiteRole value, JsonSerializerOptions options) => writer.WriteStringValue(Text(value));

    public static string Text(SiteRole value) => s_names.FirstOrDefault(n => n.Value == value).Key ?? string.Join(
        ", ", s_names.Where(n => n.Value != SiteRole.None && long.IsPow2((long)n.Value) && value.HasFlag(n.Value)).Select(n => n.Key));

    /// <summary>The roles whose names a text joins by commas.</summary>
    public static SiteRole Roles(string names) => names
        .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Aggregate(SiteRole.None, (roles, name) => roles | Parse(name));

    private static SiteRole Parse(string name) => s_names.TryGetValue(name, out var role)
        ? role
        : throw new JsonException($"there is no role '{name}'; {Suggest.Hint(name, s_names.Keys)}");
}
