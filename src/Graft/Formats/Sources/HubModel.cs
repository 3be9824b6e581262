using System.Text.RegularExpressions;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>A model on a Hugging Face hub. Immutable.</summary>
/// <param name="Repository"><c>ORG/NAME</c>, or <c>NAME</c> for the oldest models.</param>
/// <param name="Revision">Branch, tag, commit or <c>refs/pr/N</c>.</param>
internal sealed partial record HubModel(string Repository, string Revision)
{
    /// <summary>What introduces this source on the command line.</summary>
    public const string Prefix = "hf:";

    private const string DefaultRevision = "main";

    /// <summary>True when the revision is a full commit hash, which never changes its content.</summary>
    public bool IsCommit => IsCommitHash(Revision);

    /// <summary>Parses <c>hf:ORG/NAME[@REV]</c>.</summary>
    /// <exception cref="GraftException">The text is not of that form.</exception>
    public static HubModel Parse(string source)
    {
        var match = Form().Match(source);
        return match.Success && !source.Contains("..", StringComparison.Ordinal)
            ? new HubModel(match.Groups["name"].Value, match.Groups["revision"] is { Success: true, Value: var revision } ? revision : DefaultRevision)
            : throw new GraftException($"'{source}' names no model on a hub, expected hf:ORG/NAME or hf:ORG/NAME@REVISION.");
    }

    /// <summary>True for 40 hexadecimal digits.</summary>
    public static bool IsCommitHash(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <inheritdoc/>
    public override string ToString() => Revision == DefaultRevision ? Prefix + Repository : $"{Prefix}{Repository}@{Revision}";

    [GeneratedRegex(@"^hf:(?<name>([A-Za-z0-9][A-Za-z0-9._-]*/)?[A-Za-z0-9][A-Za-z0-9._-]*)(@(?<revision>[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*))?$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Form();
}
