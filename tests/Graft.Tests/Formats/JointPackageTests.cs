using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats;

/// <summary>Packages of several tasks.</summary>
public sealed class JointPackageTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly Backbone _backbone = TinyBackbones.Create("bert");

    private string Place => _folder.At("joint");

    public void Dispose()
    {
        _backbone.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("test-sharing")]
    [InlineData("lora")]
    [InlineData("head")]
    [InlineData("propetl-adapter")]
    [InlineData("propetl-lora")]
    public void All_tasks_and_one_alone_load_with_the_bits_that_were_saved(string method)
    {
        using var saved = Create(method, "rte", "cola", "stars");
        var package = TaskModelPackage.Save(saved, Place, "minilm", new JsonObject { ["seed"] = 3 }, m => new JsonObject { ["of"] = m.Task.Name });
        var before = LeakCheck.Settled();

        Assert.Equal(["rte", "cola", "stars"], package.Tasks);
        Assert.Equal(3, package.Manifest.Training["seed"]!.GetValue<int>());
        var all = TaskModelPackage.Load([.. package.Tasks.Select(package.Task)], _backbone);
        Assert.All(all, m => Assert.Same(all[0].Adapter, m.Adapter));
        foreach (var (model, expected) in all.Zip(saved.Models))
        {
            AssertSame(expected, model);
            Assert.Equivalent(expected.Task, model.Task, strict: true);
            using var alone = TaskModelPackage.Load($"{Place}#{model.Task.Name}", _backbone);
            AssertSame(expected, alone);
            Assert.Equal(PeftMethods.Get(method).SharesAcrossTasks ? [model.Task.Name] : [], alone.Adapter.Tasks);
            Assert.Equal(model.Task.Name, package.Task(model.Task.Name).Manifest.Training["of"]!.GetValue<string>());
        }

        all.ToList().ForEach(m => m.Dispose());
        Assert.Equal(before, LiveTensors.Count);
    }

    /// <summary>Every method of the library whose adapters hold several tasks.</summary>
    public static TheoryData<string> Sharing => [.. PeftMethods.All.Where(m => m.SharesAcrossTasks).Select(m => m.Name)];

    [Theory, MemberData(nameof(Sharing))]
    public void Every_method_loads_one_task_or_all_and_takes_one_more_without_a_change_of_others(string method)
    {
        using var saved = Create(method, "rte", "cola", "stars");
        var package = TaskModelPackage.Save(saved, Place);
        var before = Files(Place);
        var expected = saved.Models.Select(Logits).ToList();
        Assert.Equal(expected, package.Tasks.Select(t => Of(package.Task(t))));

        // In the form that packages keep, as they are what a task is added to.
        using var loaded = package.LoadAdapter(_backbone);
        using var rng = new Rng(3, Device.Cpu);
        using var larger = AdapterTasks.Add(loaded, _backbone, "wic", rng);
        using var wic = Model(larger, "wic", rng);
        package = TaskModelPackage.AddTask(package, wic);

        Assert.Equal(expected.Append(Logits(wic)), package.Tasks.Select(t => Of(package.Task(t))));
        Assert.All(before, f => Assert.Equal(f.Value, Files(Place)[f.Key]));
        Assert.Equal(expected[1..].Append(Logits(wic)), package.RemoveTask("rte").Tasks.Select(t => Of(package.Task(t))));

        string Of(AdapterPackage task)
        {
            using var model = TaskModelPackage.Load(task, _backbone);
            return Logits(model);
        }
    }

    [Fact]
    public void What_is_shared_is_stored_once_and_what_is_not_in_its_tasks_folder()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        var package = TaskModelPackage.Save(saved, Place);

        Assert.Equal(
            ["adapter.safetensors", "graft.json", .. new[] { "cola", "rte" }.SelectMany(t => new[] { "adapter.safetensors", "head.safetensors", "task.json" }.Select(f => $"tasks/{t}/{f}"))],
            Files(Place).Keys);
        using var shared = SafetensorsFile.Open(Path.Combine(Place, "adapter.safetensors"));
        using var own = SafetensorsFile.Open(Path.Combine(Place, "tasks/cola/adapter.safetensors"));
        Assert.All(shared.Keys, k => Assert.StartsWith("encoder.layer.", k, StringComparison.Ordinal));
        Assert.Equal(["tasks.cola.part.scales"], own.Keys);
        Assert.Equal(2 * 2 * 32, package.Manifest.AdapterFile.Parameters);
        Assert.Equal(2, package.Task("cola").Manifest.AdapterFile.Parameters);
    }

    [Fact]
    public void A_task_is_added_and_taken_away_without_touching_other_files()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        TaskModelPackage.Save(saved, Place);
        var before = Files(Place);
        using var rng = new Rng(9, Device.Cpu);
        using var larger = AdapterTasks.Add(saved.Adapter, _backbone, "wic", rng);
        using var wic = Model(larger, "wic", rng);

        var added = TaskModelPackage.AddTask(JointPackage.Open(Place), wic);

        Assert.Equal(["rte", "cola", "wic"], added.Tasks);
        Assert.All(before, f => Assert.Equal(f.Value, Files(Place)[f.Key]));
        using (var again = TaskModelPackage.Load($"{Place}#wic", _backbone))
        {
            AssertSame(wic, again);
        }

        using (var old = TaskModelPackage.Load($"{Place}#cola", _backbone))
        {
            AssertSame(saved.Models[1], old);
        }

        Assert.Equal(["cola", "wic"], added.RemoveTask("rte").Tasks);
        Assert.Equal(["cola"], JointPackage.Open(Place).RemoveTask("wic").Tasks);
        Assert.All(Files(Place), f => Assert.Equal(before[f.Key], f.Value));
    }

    [Fact]
    public void An_adapter_with_a_task_more_computes_the_same_for_the_others()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        using var rng = new Rng(9, Device.Cpu);
        using var larger = AdapterTasks.Add(saved.Adapter, _backbone, "wic", rng);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(3, 7, 4);
        static RowAdapter[] Rows(Adapter a) => [new(a, "cola"), new(a, "rte")];

        TensorAssert.BitwiseEqual(
            new AdaptedModel(_backbone).Forward(batch, Rows(saved.Adapter)).Output.LastHiddenState,
            new AdaptedModel(_backbone).Forward(batch, Rows(larger)).Output.LastHiddenState);
        Assert.Contains("already", Assert.Throws<GraftException>(() => AdapterTasks.Add(larger, _backbone, "wic", rng)).Message, StringComparison.Ordinal);
        using var lora = Create("lora", "a");
        Assert.Contains("holds one task", Assert.Throws<GraftException>(() => AdapterTasks.Add(lora.Adapter, _backbone, "b", rng)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_whose_adapter_shares_something_else_is_refused()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        TaskModelPackage.Save(saved, Place);
        var before = Files(Place);
        using var other = Create("test-sharing", "wic");

        var error = Assert.Throws<GraftException>(() => TaskModelPackage.AddTask(JointPackage.Open(Place), other.Models[0]));

        Assert.Contains("shares with other tasks", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, Files(Place));
    }

    [Fact]
    public void A_copy_has_the_same_bytes()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        var package = TaskModelPackage.Save(saved, Place);

        var copy = package.CopyTo(_folder.At("copy"));

        Assert.Equal(Files(Place), Files(copy.Folder));
        Assert.Equal(package.Tasks, copy.Tasks);
    }

    [Theory]
    [InlineData("joint", "holds 2 tasks (rte, cola); name one, as in")]
    [InlineData("joint#wic", "does not hold the task 'wic'")]
    [InlineData("nothing#rte", "There is no package folder")]
    [InlineData("single#rte", "is of one task, which is not 'rte'")]
    public void A_task_that_is_not_there_or_not_named_is_one_sentence(string place, string message)
    {
        using var saved = Create("test-sharing", "rte", "cola");
        TaskModelPackage.Save(saved, Place);
        using var single = TinyModels.Create(_backbone, "lora", TaskKind.Classification);
        TaskModelPackage.Save(single, _folder.At("single"));

        var error = Assert.Throws<GraftException>(() => AdapterPackage.Open(_folder.At(place)));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_package_of_one_task_is_told_from_one_of_several()
    {
        using var single = TinyModels.Create(_backbone, "lora", TaskKind.Classification);
        TaskModelPackage.Save(single, _folder.At("single"));

        var error = Assert.Throws<GraftException>(() => JointPackage.Open(_folder.At("single")));

        Assert.Contains("is of one task, and one that several tasks share is needed", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tasks/cola/head.safetensors", null, "lacks the task's head")]
    [InlineData("tasks/cola/task.json", null, "lacks the task's description")]
    [InlineData("adapter.safetensors", null, "lacks the shared weights")]
    [InlineData("adapter.safetensors", "x", "")]
    [InlineData("tasks/cola/adapter.safetensors", "x", "")]
    [InlineData("tasks/cola/task.json", "{}", "'format' is not 'graft-task'")]
    [InlineData("graft.json", """{"format": "graft-adapter", "format_version": 3}""", "format version 3, and this Graft reads versions up to 2")]
    public void Missing_and_damaged_files_are_refused(string file, string? content, string message)
    {
        using var saved = Create("test-sharing", "rte", "cola");
        TaskModelPackage.Save(saved, Place);
        if (content is null)
        {
            File.Delete(Path.Combine(Place, file));
        }
        else
        {
            File.WriteAllText(Path.Combine(Place, file), content);
        }

        var error = Assert.Throws<GraftException>(() => TaskModelPackage.Load(Place + "#cola", _backbone));

        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_of_another_package_is_refused()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        TaskModelPackage.Save(saved, Place);
        using var other = Create("test-sharing", "wic");
        TaskModelPackage.Save(other, _folder.At("other"));
        Directory.Move(_folder.At("other", "tasks", "wic"), _folder.At("joint", "tasks", "wic"));

        var error = Assert.Throws<GraftException>(() => JointPackage.Open(Place));

        Assert.Contains("belongs to other shared weights", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_a_dying_process_left_is_not_a_task()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        TaskModelPackage.Save(saved, Place);
        _folder.Write("joint/tasks/.wic.0123.tmp/adapter.safetensors", "half");

        Assert.Equal(["rte", "cola"], JointPackage.Open(Place).Tasks);
    }

    [Fact]
    public void A_package_replaces_one_and_nothing_else()
    {
        using var saved = Create("test-sharing", "rte", "cola");
        using var single = TinyModels.Create(_backbone, "lora", TaskKind.Classification);
        TaskModelPackage.Save(single, Place);
        TaskModelPackage.Save(saved, Place);
        TaskModelPackage.Save(single, Place);
        TaskModelPackage.Save(saved, Place);
        _folder.Write("joint/tasks/rte/notes.txt", "mine");

        var error = Assert.Throws<GraftException>(() => TaskModelPackage.Save(single, Place));

        Assert.Contains("notes.txt", error.Message, StringComparison.Ordinal);
        Assert.Equal(["joint"], Directory.EnumerateFileSystemEntries(_folder.Path).Select(p => Path.GetFileName(p)));
    }

    [Fact]
    public void Every_field_of_the_manifests_is_documented()
    {
        using var saved = Create("test-sharing", "rte");
        TaskModelPackage.Save(saved, Place);
        var page = File.ReadAllText(SharedData.Repository("docs/formats.md"));

        foreach (var file in new[] { "graft.json", "tasks/rte/task.json" })
        {
            Assert.All(JsonNode.Parse(File.ReadAllText(Path.Combine(Place, file)))!.AsObject(), p => Assert.Contains($"`{p.Key}", page, StringComparison.Ordinal));
        }
    }

    private static SortedDictionary<string, string> Files(string folder) => new(
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexString(File.ReadAllBytes(f)), StringComparer.Ordinal), StringComparer.Ordinal);

    private static string Logits(TaskModel model)
    {
        using var scope = new TensorScope();
        return Convert.ToHexString(model.Forward(TinyBackbones.Batch(1, 6, 9)).Logits.Detach().Contiguous().Bytes());
    }

    private static void AssertSame(TaskModel expected, TaskModel found)
    {
        using var scope = new TensorScope();
        var all = expected.Parameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Detach(), StringComparer.Ordinal);
        Assert.All(found.Parameters(), p => TensorAssert.BitwiseEqual(all[p.Path], p.Parameter.Value.Detach()));
        var batch = TinyBackbones.Batch(1, 6, 9);
        TensorAssert.BitwiseEqual(expected.Forward(batch).Logits, found.Forward(batch).Logits);
    }

    private TaskModel Model(Adapter adapter, string task, Rng rng)
    {
        var kind = task == "stars" ? TaskKind.Regression : TaskKind.Classification;
        var described = TinyModels.Task(kind, task);
        return new TaskModel(described, _backbone, adapter, new PooledHead(new PooledHeadConfig(kind, described.Outputs), TinyBackbones.Width, rng), 24);
    }

    private TaskModels Create(string method, params string[] tasks)
    {
        using var rng = new Rng(tasks.Length, Device.Cpu);
        var peft = PeftMethods.Get(method);
        var adapter = peft.Attach(_backbone, "joint", peft.Defaults, rng, peft.SharesAcrossTasks ? tasks : null);
        using (Autograd.NoGrad())
        {
            using var scope = new TensorScope();
            foreach (var parameter in adapter.Parameters())
            {
                parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.3));
            }
        }

        return new TaskModels([.. tasks.Select(t => Model(adapter, t, rng))]);
    }
}
