using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Xunit;

namespace Graft.Cli.Tests;

public sealed class ConvertCommandTests
{
    [Fact]
    public async Task The_report_says_what_was_read_and_kept()
    {
        using var model = new TinyModelFolder(dropout: 0);
        using var folder = new TestFolder();
        using (var backbone = Backbone.Load(model.Model))
        using (var trained = TinyModels.Create(backbone, "lora", TaskKind.Classification))
        {
            TaskModelPackage.Save(trained, folder.At("a"));
        }

        CommandLineRun there = await CommandLineRun.Of("convert", folder.At("a"), folder.At("b"), "--to", "peft", "--backbone", model.Model);
        CommandLineRun back = await CommandLineRun.Of("convert", folder.At("b"), folder.At("c"), "--to", "graft", "--backbone", model.Model, "--json");
        CommandLineRun again = await CommandLineRun.Of("convert", folder.At("a"), folder.At("b"), "--to", "peft", "--backbone", model.Model);

        Assert.Equal(0, there.ExitCode);
        Assert.Contains("none missing, unexpected or misshapen", there.Out, StringComparison.Ordinal);
        Assert.Contains("sad, glad, so-so", there.Out, StringComparison.Ordinal);
        Assert.Contains("adapter_model.safetensors", there.Out, StringComparison.Ordinal);
        JsonObject report = JsonNode.Parse(back.Out)!.AsObject();
        Assert.Equal(("peft", "graft", "lora"), ((string?)report["from"], (string?)report["to"], (string?)report["method"]));
        Assert.Equal(File.ReadAllBytes(folder.At("a", "adapter.safetensors")), File.ReadAllBytes(folder.At("c", "adapter.safetensors")));
        Assert.Equal(2, again.ExitCode);
        Assert.Contains("--overwrite", again.Notes, StringComparison.Ordinal);
    }
}
