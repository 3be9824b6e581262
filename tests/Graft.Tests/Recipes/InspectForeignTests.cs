using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Methods.Core;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class InspectForeignTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();

    public static TheoryData<string> Formats => [.. AdapterFormats.All.Select(f => f.Name).Where(n => n != "graft")];

    public void Dispose() => _tiny.Dispose();

    [Theory, MemberData(nameof(Formats))]
    public void An_adapter_of_another_library_tells_its_method_settings_and_health(string name)
    {
        var folder = Saved(name);

        var report = Inspect.Run(folder, _tiny.Model);

        Assert.Empty(report.Faults);
        Assert.Equal(InspectedKind.Adapter, report.Kind);
        Assert.Equal(name, report.Facts["format"]!.GetValue<string>());
        Assert.Equal("lora", report.Facts["method"]!.GetValue<string>());
        Assert.Equal(8, report.Facts["config"]!["rank"]!.GetValue<int>());
        Assert.Contains(report.Remarks, r => r.Contains("zeros alone", StringComparison.Ordinal));
        Assert.Contains(report.Tensors, t => t.Largest == 0 && t.Norm == 0);
    }

    [Theory, MemberData(nameof(Formats))]
    public void Without_its_backbone_the_tensors_are_looked_at(string name)
    {
        var report = Inspect.Run(Saved(name));

        Assert.Empty(report.Faults);
        Assert.NotEmpty(report.Tensors);
        Assert.Contains(report.Remarks, r => r.Contains("--backbone", StringComparison.Ordinal));
    }

    // An untrained LoRA, whose B is zero, in a format.
    private string Saved(string name)
    {
        using var backbone = Backbone.Load(_tiny.Model);
        using var rng = new Rng(3);
        var lora = PeftMethods.Get("lora");
        var task = new TaskDefinition("letters", TaskKind.Classification, ["ham", "spam"], ["accuracy"], false);
        using var model = new TaskModel(
            task, backbone, lora.Attach(backbone, "letters", lora.Defaults, rng), new PooledHead(new PooledHeadConfig(TaskKind.Classification, 2), TinyBackbones.Width, rng), 30);
        var package = Path.Combine(_tiny.Root, "package");
        TaskModelPackage.Save(model, package, "hf:nobody/nothing");
        using var adapter = AdapterFormats.Get("graft").Read(package, backbone);
        var folder = Path.Combine(_tiny.Root, name);
        AdapterFormats.Get(name).Save(folder, adapter, backbone);
        return folder;
    }
}
