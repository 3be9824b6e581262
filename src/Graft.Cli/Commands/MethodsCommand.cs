using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Recipes;
using Spectre.Console;

namespace Graft.Cli.Commands;

/// <summary><c>graft methods [NAME]</c>: lists the methods with what they cost on a backbone, or shows one with its settings.</summary>
internal sealed class MethodsCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Argument<string[]> _names = new("NAME") { Description = "Methods to show with their settings; all in a table without.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _backbone = new("--backbone") { HelpName = "DIR|NAME", Description = "The model folder or pulled model to count for; minilm's shape by default." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public MethodsCommand(Terminal terminal)
        : base(
            "methods",
            "List the tuning methods: where they act and what they cost on a backbone.",
            "graft methods",
            "graft methods lora",
            "graft train --method lora --set rank=4 --set targets=query,key,value --tasks cooking --out runs/low")
    {
        _terminal = terminal;
        Remarks = "Counts are those of the default settings, without the head. Bytes are of what a package keeps of a task, in float32.";
        _names.CompletionSources.Add(_ => PeftMethods.All.Select(each => each.Name));
        _backbone.CompletionSources.Add(_ => ModelSources.List().Select(model => model.Source));
        Add(_names);
        Add(_backbone);
        Add(_json);
        SetAction(parsed => Show(parsed.GetValue(_names) ?? [], parsed.GetValue(_backbone), parsed.GetValue(_json)));
    }

    private int Show(string[] names, string? backbone, bool json)
    {
        IReadOnlyList<MethodRow> rows = MethodSheet.Describe(backbone, names);
        if (json)
        {
            JsonOutput.Write(_terminal, new JsonObject { ["backbone"] = backbone ?? "minilm", ["methods"] = new JsonArray([.. rows.Select(row => (JsonNode)row.ToJson())]) });
        }
        else if (names.Length == 0)
        {
            WriteTable(rows);
        }
        else
        {
            WriteSheets(rows);
        }

        return ExitCode.Success;
    }

    // Where a row with its paper does not fit, papers follow in a table of their own: a broken line is hard to read.
    private void WriteTable(IReadOnlyList<MethodRow> rows)
    {
        List<Column> columns = ["method", new("trained", Right: true), new("bytes", Right: true), "merges", "mixed", "acts at", "paper"];
        List<string[]> cells =
        [
            .. rows.Select(row => new[]
            {
                row.Method.Name, Count(row.TrainedParameters), row.BytesPerTask is { } bytes ? Amounts.Bytes(bytes) : "", YesNo(row.Merges),
                YesNo(row.MixedBatch), row.ActsAt ?? "needs settings", row.Method.Source,
            }),
        ];
        int width = _terminal.Data.Profile.Width;
        if (TextTable.Width(columns, cells) <= width)
        {
            Write(columns, cells);
        }
        else
        {
            int before = TextTable.Width(columns[..5], cells) + TextTable.Gap.Length;
            Write(columns[..6], [.. cells.Select(row => (string[])[.. row[..5], Cut(row[5], width - before)])]);
            _terminal.Out.WriteLine();
            int name = cells.Max(row => row[0].Length) + TextTable.Gap.Length;
            Write(["method", "paper"], [.. cells.Select(row => (string[])[row[0], Cut(row[6], width - name)])]);
        }

        _terminal.Note("\n'graft methods NAME' shows the settings of a method.");
    }

    private void Write(IReadOnlyList<Column> columns, IEnumerable<string[]> rows)
    {
        var table = new TextTable(columns);
        foreach (string[] row in rows)
        {
            table.Add(row);
        }

        table.Write(_terminal.Data);
    }

    private void WriteSheets(IReadOnlyList<MethodRow> rows)
    {
        foreach (MethodRow row in rows)
        {
            PeftMethod method = row.Method;
            _terminal.Data.MarkupLineInterpolated($"[bold]{method.Name}[/]  {method.Summary}");
            Line("paper", method.Source);
            Line("rate", $"{method.DefaultLearningRate.ToString(CultureInfo.InvariantCulture)}, the peak learning rate where none is set");
            if (row.Needs is { } needs)
            {
                Line("needs", needs);
            }
            else
            {
                Line("acts at", row.ActsAt!);
                Line("trained", $"{Count(row.TrainedParameters)} parameters");
                string shared = row.Method.SharesAcrossTasks ? $", {Amounts.Bytes(row.SharedBytes!.Value)} once for all tasks" : "";
                Line("stored", $"{Count(row.StoredParameters)} parameters, {Amounts.Bytes(row.BytesPerTask!.Value)} a task{shared}");
                Line("merges", YesNo(row.Merges));
            }

            Line("mixed", YesNo(row.MixedBatch));
            Line("starts", method.IsIdentityAtStart(method.Defaults) ? "as the backbone" : "close to the backbone");
            foreach ((string key, JsonNode? value) in row.Settings)
            {
                Line("--set", $"{key}={Text(value)}");
            }
        }
    }

    private void Line(string key, string value)
    {
        _terminal.Data.MarkupInterpolated($"  [dim]{key,-8}[/]");
        _terminal.Out.WriteLine(value);
    }

    private static string Count(long? count) => count is { } number ? Amounts.Count(number) : "";

    private static string YesNo(bool? value) => value switch { true => "yes", false => "no", _ => "" };

    private static string Cut(string text, int room) => text.Length <= room ? text : text[..Math.Max(0, room - 3)] + "...";

    // As --set takes it.
    private static string Text(JsonNode? value) =>
        value is JsonValue plain ? plain.ToString().Replace(", ", ",", StringComparison.Ordinal) : value?.ToJsonString() ?? "null";
}
