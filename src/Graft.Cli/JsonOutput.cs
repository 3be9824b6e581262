using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Graft.Cli;

/// <summary>Writes the one object of <c>--json</c>: indented, UTF-8 as it is, a line break at the end.</summary>
internal static class JsonOutput
{
    private static readonly JsonSerializerOptions s_options = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The option that commands with a summary object share.</summary>
    public static System.CommandLine.Option<bool> Option(string what = "Print one JSON object on standard output instead of the table.") =>
        new("--json") { Description = what };

    /// <summary>Writes the object to standard output.</summary>
    public static void Write(Terminal terminal, JsonObject document) => terminal.Out.WriteLine(document.ToJsonString(s_options));
}
