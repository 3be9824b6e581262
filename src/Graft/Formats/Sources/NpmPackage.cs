using System.Text.RegularExpressions;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>A package of the npm client's registry, by exact version. Immutable.</summary>
/// <param name="Name">Name, with its scope.</param>
/// <param name="Version">Version.</param>
/// <param name="Sha256">SHA-256 that the archive must have, or null when it is not pinned.</param>
/// <param name="Bytes">Size of the archive in bytes, or 0 when it is not known.</param>
internal sealed partial record NpmPackage(string Name, string Version, string? Sha256 = null, long Bytes = 0)
{
    /// <summary>Parses <c>PACKAGE@VERSION</c> or <c>@SCOPE/PACKAGE@VERSION</c>.</summary>
    /// <exception cref="GraftException">The text is not of that form.</exception>
    public static NpmPackage Parse(string text)
    {
        var match = Form().Match(text);
        return match.Success
            ? new NpmPackage(match.Groups["name"].Value, match.Groups["version"].Value)
            : throw new GraftException($"'npm:{text}' names no package version, expected npm:PACKAGE@VERSION such as npm:some-model@1.2.0.");
    }

    /// <summary>A file or folder name for this version.</summary>
    public string FileStem => $"{Name.TrimStart('@').Replace("/", "--", StringComparison.Ordinal)}@{Version}";

    /// <inheritdoc/>
    public override string ToString() => $"{Name}@{Version}";

    [GeneratedRegex("^(?<name>(@[A-Za-z0-9][A-Za-z0-9._~-]*/)?[A-Za-z0-9][A-Za-z0-9._~-]*)@(?<version>[A-Za-z0-9][A-Za-z0-9.+_-]*)$", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Form();
}
