using System.CommandLine;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Recipes;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary><c>graft data split</c>: makes seeded low-data splits as files and task files.</summary>
internal sealed class DataSplitCommand : CommandWithExamples
{
    private readonly Terminal _terminal;
    private readonly Option<string[]> _tasks = List("--tasks", "a,b", "Names from 'graft tasks', or task files, separated by commas.");
    private readonly Option<string?> _data = new("--data") { HelpName = "DIR", Description = "A folder to search first for the tasks' data." };
    private readonly Option<string> _out = new("--out") { HelpName = "DIR", Description = "The folder of the splits, one folder a task.", Required = true };
    private readonly Option<string[]> _sizes = List("--sizes", "K,K", "Numbers of training rows; 100,500,1000,2000,4000 unless --shots are given.");
    private readonly Option<string[]> _shots = List("--shots", "K,K", "Numbers of training rows of each class, such as 16; dev then has as many.");
    private readonly Option<string[]> _seeds = List("--seeds", "S,S", "The seeds, each of which draws every split anew; 0,1,2,3,4.");
    private readonly Option<int?> _devRows = new("--dev-rows") { HelpName = "N", Description = "Training rows to choose by, where the task's dev rows become test; 1000." };
    private readonly Option<string?> _test = new("--test") { HelpName = "own|dev", Description = "Where a task has test rows: own reports on them, dev on its dev rows as UniPELT does; own." };
    private readonly Option<bool> _json = JsonOutput.Option();

    public DataSplitCommand(Terminal terminal)
        : base(
            "split",
            "Make low-data splits once, as files, so that every method sees the same rows.",
            "graft data split --tasks rte,mrpc --data ~/data --out splits",
            "graft data split --tasks sst-2 --data ~/data --out splits --shots 16 --seeds 13,21,42",
            "graft train --data splits --tasks rte-100-s0 --method lora")
    {
        _terminal = terminal;
        Remarks = "The first K of the training rows in a seeded order are train, the next 1,000 are dev, and the official dev rows are test. Where a task has labelled test rows, dev and test stay its own unless --test dev is given.";
        _tasks.Required = true;
        _test.AcceptOnlyFromAmong("own", "dev");
        Add(_tasks);
        Add(_data);
        Add(_out);
        Add(_sizes);
        Add(_shots);
        Add(_seeds);
        Add(_devRows);
        Add(_test);
        Add(_json);
        SetAction(parsed => Run(Settings(parsed), parsed.GetValue(_json)));
    }

    private SplitSettings Settings(ParseResult parsed)
    {
        var settings = new SplitSettings { Tasks = Names(parsed.GetRequiredValue(_tasks)), Data = parsed.GetValue(_data), Out = parsed.GetRequiredValue(_out) };
        int[] shots = Numbers(parsed, _shots);
        return settings with
        {
            Shots = shots,
            Sizes = Numbers(parsed, _sizes) is { Length: > 0 } sizes ? sizes : shots.Length > 0 ? [] : settings.Sizes,
            Seeds = Numbers(parsed, _seeds) is { Length: > 0 } seeds ? [.. seeds.Select(seed => (long)seed)] : settings.Seeds,
            DevRows = parsed.GetValue(_devRows) ?? settings.DevRows,
            ReportOnDev = parsed.GetValue(_test) == "dev",
        };
    }

    private int Run(SplitSettings settings, bool json)
    {
        SplitReport report = SplitData.Run(settings);
        foreach (string left in report.LeftOut)
        {
            _terminal.Note($"left out: {left}");
        }

        if (json)
        {
            JsonOutput.Write(_terminal, new JsonObject
            {
                ["splits"] = new JsonArray([.. report.Splits.Select(split => (JsonNode?)new JsonObject
                {
                    ["task"] = split.Task,
                    ["task_file"] = split.TaskFile,
                    ["train"] = split.Train,
                    ["dev"] = split.Dev,
                    ["test"] = split.Test,
                })]),
                ["left_out"] = new JsonArray([.. report.LeftOut.Select(left => (JsonNode?)left)]),
            });
            return ExitCode.Success;
        }

        var table = new TextTable("task", new Column("train", Right: true), new Column("dev", Right: true), new Column("test", Right: true), "task file");
        foreach (MadeSplit split in report.Splits)
        {
            table.Add(split.Task, Amounts.Count(split.Train), Amounts.Count(split.Dev), Amounts.Count(split.Test), split.TaskFile);
        }

        table.Write(_terminal.Data);
        return ExitCode.Success;
    }

    private static Option<string[]> List(string name, string help, string description) =>
        new(name) { HelpName = help, Description = description, AllowMultipleArgumentsPerToken = true };

    private static string[] Names(string[] given) => [.. given.SelectMany(one => one.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];

    private static int[] Numbers(ParseResult parsed, Option<string[]> option) => [.. Names(parsed.GetValue(option) ?? []).Select(one => int.TryParse(one, out int number)
        ? number
        : throw new GraftException($"'{one}' is no whole number; {option.Name} takes such as {option.HelpName}."))];
}
