using System.CommandLine;
using Graft.Backbones;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary>The options that say where and in which type the backbone of a package computes.</summary>
internal sealed class ComputeOptions
{
    private readonly Option<string?> _backbone = new("--backbone") { HelpName = "DIR|NAME", Description = "The backbone, where it is not the one that the package names." };
    private readonly Option<int> _batch = new("--batch") { HelpName = "B", Description = "The most rows of a pass; 32 by default.", DefaultValueFactory = _ => 32 };
    private readonly Option<string?> _precision = new("--precision") { HelpName = "TYPE", Description = "The frozen weights as f32 or bf16; the file's type by default." };
    private readonly Option<string?> _device = new("--device") { HelpName = "NAME", Description = "cpu (the default), cuda or cuda:1." };

    public ComputeOptions()
    {
        _precision.CompletionSources.Add([.. Precisions.Names]);
        _device.CompletionSources.Add("cpu", "cuda");
    }

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_backbone);
        command.Add(_batch);
        command.Add(_precision);
        command.Add(_device);
    }

    /// <summary>The backbone's folder or name, or null.</summary>
    public string? Backbone(ParseResult parsed) => parsed.GetValue(_backbone);

    /// <summary>The rows of a pass.</summary>
    /// <exception cref="GraftException">It is below 1.</exception>
    public int Batch(ParseResult parsed) => parsed.GetValue(_batch) is >= 1 and var batch
        ? batch
        : throw new GraftException("--batch is below 1; give a whole number of at least 1.");

    /// <summary>Type and device of the backbone.</summary>
    /// <exception cref="GraftException">A name is not known.</exception>
    public BackboneOptions Read(ParseResult parsed) => new(
        parsed.GetValue(_precision) is { } precision ? Precisions.Parse(precision) : null,
        parsed.GetValue(_device) is { } device ? Device.Parse(device) : null);
}
