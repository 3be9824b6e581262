using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Methods.Core.Masks;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Masks;

/// <summary>What can be seen of masks: in numbers, in pictures and by inspecting a package.</summary>
public sealed class MaskFactsTests
{
    private static readonly string[] s_tasks = ["red", "green"];

    private static Adapter Attach(Backbone backbone, string method, JsonObject settings, IReadOnlyList<string> tasks)
    {
        using var rng = new Rng(4, Device.Cpu);
        var peft = PeftMethods.Get(method);
        return peft.Attach(backbone, "red", peft.ReadConfig(settings, "test"), rng, tasks);
    }

    [Fact]
    public void Density_overlap_and_uses_are_counted()
    {
        using var scope = new TensorScope();
        var masks = Tensor.From<float>([1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0], 3, 4);

        Assert.Equal([0.5, 0.5, 0.5], MaskStatistics.Density(masks));
        Assert.Equal([[1, 1 / 3.0, 1], [1 / 3.0, 1, 1 / 3.0], [1, 1 / 3.0, 1]], MaskStatistics.Overlap(masks));
        Assert.Equal([0.25, 0.25, 0.25, 0.25], MaskStatistics.Uses(masks));
    }

    [Fact]
    public void Pictures_show_layers_tasks_and_both_together()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var adapter = Attach(backbone, "propetl-lora", new() { ["rank"] = 8, ["kept"] = 0.3 }, s_tasks);

        var pictures = adapter.Method.Pictures(adapter, new Dictionary<string, double>(StringComparer.Ordinal)).Cast<HeatMap>().ToDictionary(p => p.Title, StringComparer.Ordinal);

        Assert.Equal(8, pictures.Count);
        Assert.Equal([("0", "0"), ("1", "0"), ("0", "1"), ("1", "1")], pictures["How far the masks of layers agree (query)"].Cells.Select(c => (c.X, c.Y)));
        var tasks = pictures["How far the masks of tasks agree (value)"].Cells;
        Assert.Equal([("red", "red"), ("green", "red"), ("red", "green"), ("green", "green")], tasks.Select(c => (c.X, c.Y)));
        Assert.Equal(1, tasks[0].Value);
        Assert.Equal(tasks[1].Value, tasks[2].Value);
        Assert.Equal(1, pictures["How many layers use an entry (query)"].Cells.Sum(c => c.Value), 1e-9);

        // Half of the entries by either of two masks that keep 0.3: 1 - 0.7².
        Assert.All(pictures["How much of the prototype is in use (query)"].Cells, c => Assert.Equal(0.51, c.Value, 0.08));
    }

    [Fact]
    public void Inspecting_a_package_of_several_tasks_tells_what_its_masks_have_in_common()
    {
        using var folder = new TestFolder();
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var adapter = Attach(backbone, "propetl-adapter", new() { ["reduction_factor"] = 2, ["kept"] = 0.3, ["combine"] = "and" }, s_tasks);
        using var models = new TaskModels([.. s_tasks.Select(t => new TaskModel(
            new TaskDefinition(t, TaskKind.Classification, ["ham", "spam"], ["accuracy"], false), backbone, adapter,
            new PooledHead(new PooledHeadConfig(TaskKind.Classification, 2), TinyBackbones.Width, rng), 20))]);
        TaskModelPackage.Save(models, folder.At("package"));

        var whole = Inspect.Run(folder.At("package"));
        var one = Inspect.Run(folder.At("package") + "#green");

        Assert.Empty(whole.Faults);
        var facts = whole.Facts["masks"]!["adapter"]!;
        Assert.Equal(2 * 16 * 8, (long)facts["entries"]!);
        Assert.Equal(0.3, (double)facts["kept"]!);
        Assert.Equal(s_tasks, facts["tasks"]!["names"]!.AsArray().Select(n => (string)n!));
        Assert.Equal(2.0 * 39 / 256, (double)facts["layers"]!["density"]![0]!, 1e-6);
        using var scope = new TensorScope();
        var set = adapter.Prototypes<Graft.Methods.Core.Masks.MaskedPrototype>().Single().Masks;
        Assert.Equal(MaskStatistics.Overlap(set.OfPlaces()!)[0][1], (double)facts["layers"]!["overlap"]![0]![1]!, 1e-6);
        Assert.Equal(MaskStatistics.Density(set.InUse("green")!)[1], (double)facts["in_use"]!["green"]![1]!, 1e-6);
        Assert.Equal(["green"], one.Facts["masks"]!["adapter"]!["tasks"]!["names"]!.AsArray().Select(n => (string)n!));
        Assert.Equal(facts["layers"]!.ToJsonString(), one.Facts["masks"]!["adapter"]!["layers"]!.ToJsonString());
    }
}
