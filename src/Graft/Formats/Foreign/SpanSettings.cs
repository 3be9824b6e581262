using System.Text.Json.Nodes;
using Graft.Formats.Packages;

namespace Graft.Formats.Foreign;

/// <summary>
/// What a package says of a head that finds answers in a text, for libraries whose heads of question answering are linear maps on each token and no more: how answers are
/// searched for is not among their files, and is as usual. Stateless.
/// </summary>
internal static class SpanSettings
{
    /// <summary>The kind of its tasks, and the type of the head.</summary>
    public const string Name = "span";

    /// <summary>The outputs of such a head: starts and ends.</summary>
    public const long Outputs = 2;

    /// <summary>A task of questions.</summary>
    /// <param name="name">Its name.</param>
    public static PackageTask Task(string name) => new(name, Name, [], ["token_f1", "exact_match"], Pair: true);

    /// <summary>The settings of the head, as <c>head</c> of <c>graft.json</c> has them.</summary>
    /// <param name="layers">Its linear maps.</param>
    /// <param name="dropout">The dropout in front of each.</param>
    public static JsonObject Head(long layers, double dropout) => new()
    {
        ["type"] = Name,
        ["layers"] = layers,
        ["dropout"] = dropout,
        ["overlap"] = 128,
        ["n_best"] = 20,
        ["answer_tokens"] = 30,
        ["null_answers"] = false,
        ["null_threshold"] = 0,
    };
}
