using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Cli.Display;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary><c>graft adapt PACKAGE --task NEW --examples K</c>: adds a task to a package of several from a few rows.</summary>
internal sealed class AdaptCommand : CommandWithExamples
{
    // Enough for a few rows at the usual rate; a full pass of them is a step or two.
    private const int UsualSteps = 200;
    private const int UsualEvaluations = 5;

    private static readonly string[] s_training =
        ["data", "examples", "steps", "epochs", "batch", "lr", "seed", "max_tokens", "head_pooling", "head_layers", "precision", "device", "overwrite"];

    private readonly Terminal _terminal;
    private readonly Argument<string> _package = new("PACKAGE") { Description = "A package of several tasks, whose method can take more." };
    private readonly Option<string> _task = new("--task") { HelpName = "NEW", Description = "The task to add: a name of 'graft tasks', or a task file.", Required = true };

    private readonly Option<string?> _start = new("--start")
    {
        HelpName = "HOW",
        Description = "Where it starts: nearest known task (the default where the method can tell), vote of its rows, mixture, best fitting one (else the default), or fresh.",
    };

    private readonly Option<string?> _from = new("--from") { HelpName = "TASK", Description = "A task of the package at which it starts, instead." };

    private readonly Option<string[]> _tune = new("--tune")
    {
        HelpName = "A,B",
        Description = "What trains beside the head: own (the default), blocks, all, or parts that tasks share, such as hypernetwork.",
    };

    private readonly Option<double?> _ownFactor = new("--own-factor")
    {
        HelpName = "X",
        Description = $"What the learning rate is multiplied by for the task's own vectors; by default as makes the method's own rate {AdaptSettings.UsualOwnRate}.",
    };

    private readonly Option<double?> _headFactor = new("--head-factor")
    {
        HelpName = "X",
        Description = $"What the learning rate is multiplied by for the head; by default as makes the method's own rate {AdaptSettings.UsualHeadRate}.",
    };

    private readonly Option<bool?> _ownLosses = new("--own-losses")
    {
        HelpName = "true|false",
        Description = "Whether training has the method's own terms of the loss; by default where more than 'own' trains.",
    };

    private readonly Option<string?> _backbone = new("--backbone") { HelpName = "DIR|NAME", Description = "The backbone, where it is not the one that the package names." };
    private readonly Option<string?> _out = new("--out") { HelpName = "DIR", Description = "A folder for a package of the new task alone; without, it joins PACKAGE." };
    private readonly TrainOptions _options = new();
    private readonly Option<bool> _json = JsonOutput.Option();

    public AdaptCommand(Terminal terminal)
        : base(
            "adapt",
            "Add a task to a package of several from a few rows.",
            "graft adapt runs/glue/joint --task ./tickets.task.json --examples 16",
            "graft adapt runs/glue/joint --task cb --examples 32 --tune own,hypernetwork --out runs/cb")
    {
        _terminal = terminal;
        Remarks = $"{UsualSteps} steps unless --steps or --epochs say otherwise; the best of {UsualEvaluations} evaluations on dev is kept."
            + " What the package's tasks share stays as it is, bit for bit, and so do their files. Head and longest row are those of the package where they are not given.";
        _task.CompletionSources.Add(_ => TaskCatalog.Default().List().Select(task => task.Name));
        _start.CompletionSources.Add([.. Enum.GetNames<TaskStart>().Select(name => name.ToLowerInvariant())]);
        Add(_package);
        Add(_task);
        Add(_start);
        Add(_from);
        Add(_tune);
        Add(_ownFactor);
        Add(_headFactor);
        Add(_ownLosses);
        Add(_backbone);
        _options.AddTo(this, s_training);
        Add(_out);
        Add(_json);
        SetAction((parsed, cancellationToken) => Task.FromResult(Run(parsed, cancellationToken)));
    }

    private int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        ProcessorCores.UseAll();
        AdaptReport report;
        if (parsed.GetValue(_out) is { } folder)
        {
            report = Run(parsed, folder, join: false, cancellationToken);
        }
        else
        {
            // The run's log and the package on the way are of no use once the task has joined.
            string place = Directory.CreateTempSubdirectory("graft-adapt-").FullName;
            try
            {
                report = Run(parsed, place, join: true, cancellationToken);
            }
            finally
            {
                Directory.Delete(place, recursive: true);
            }
        }

        if (parsed.GetValue(_json))
        {
            JsonOutput.Write(_terminal, report.ToJson());
        }
        else
        {
            AdaptTable.Write(_terminal, report);
        }

        return ExitCode.Success;
    }

    private AdaptReport Run(ParseResult parsed, string folder, bool join, CancellationToken cancellationToken)
    {
        JsonObject training = _options.Given(parsed, s_training);
        IReadOnlyCollection<string> given = [.. training.Select(setting => setting.Key)];
        training["tasks"] = new JsonArray(parsed.GetRequiredValue(_task));
        training["out"] = folder;
        training["evaluations"] = UsualEvaluations;
        if (!training.ContainsKey("steps") && !training.ContainsKey("epochs"))
        {
            training["steps"] = UsualSteps;
        }

        var settings = new AdaptSettings(parsed.GetRequiredValue(_package), TrainSettings.Read(StrictJson.From(training, "graft adapt")))
        {
            Backbone = parsed.GetValue(_backbone),
            Start = parsed.GetValue(_start) is { } start ? Start(start) : null,
            From = parsed.GetValue(_from),
            Tune = Parts(parsed.GetValue(_tune)),
            Given = given,
            OwnFactor = parsed.GetValue(_ownFactor),
            HeadFactor = parsed.GetValue(_headFactor),
            OwnLosses = parsed.GetValue(_ownLosses),
            Join = join,
        };
        using CancellationTokenRegistration asked = cancellationToken.Register(() => _terminal.Note("graft: stopping after this step ..."));
        return TrainDisplay.Run(_terminal, progress => Adapt.Run(settings, progress, cancellationToken));
    }

    private static TaskStart Start(string name)
    {
        List<string> names = [.. Enum.GetNames<TaskStart>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];
        return names.IndexOf(name) is var at and >= 0
            ? Enum.GetValues<TaskStart>()[at]
            : throw new GraftException($"--start does not take '{name}'; {Suggest.Hint(name, names)}");
    }

    private static IReadOnlyList<string> Parts(string[]? lists) => lists is { Length: > 0 }
        ? [.. lists.SelectMany(list => list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))]
        : [AdaptSettings.Own];
}
