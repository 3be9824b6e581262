using System.Buffers.Binary;
using System.Text.Json.Nodes;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Torch;
using Xunit;

namespace Graft.TestKit;

// Counts, names, copies, merges and settings.
public abstract partial class PeftMethodConformance
{
    [Theory, MemberData(nameof(Backbones))]
    public void Parameters_by_formula_equal_parameters_by_counting(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);

        var counted = adapter.NamedParameters().Where(p => p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count);

        Assert.Equal(Subject.CountParameters(Config, backbone.Sites, Math.Max(1, Tasks.Count)), counted);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Parameters_copied_by_name_into_a_new_adapter_give_the_same_bits(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var trained = Attach(backbone, seed: 1);
        using var fresh = Attach(backbone, seed: 99);
        Scramble(trained);
        using var scope = new TensorScope();
        var state = trained.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
        using (Autograd.NoGrad())
        {
            foreach (var (path, parameter) in fresh.NamedParameters())
            {
                parameter.Value.Copy_(state[path]);
            }
        }

        var batch = TinyBackbones.Batch(8, s_lengths);
        TensorAssert.BitwiseEqual(TinyBackbones.States(Run(backbone, trained, batch)), TinyBackbones.States(Run(backbone, fresh, batch)));
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Merged_weights_give_the_same_answers_and_unmerging_restores_the_bits(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Train(backbone, adapter, steps: 5);
        using var scope = new TensorScope();
        var probe = TinyBackbones.Whole(backbone, TinyBackbones.Batch(9, s_lengths));
        var before = backbone.NamedParameters().Select(p => p.Parameter.Value.Clone()).ToList();
        if (!WeightMerger.CanMerge(adapter, backbone))
        {
            var error = Assert.Throws<GraftException>(() => WeightMerger.Merge(backbone, adapter, probe));
            Assert.Contains(Method, error.Message, StringComparison.Ordinal);
            return;
        }

        var adapted = TinyBackbones.States(Run(backbone, adapter, probe));
        var merger = WeightMerger.Merge(backbone, adapter, probe);
        TensorAssert.Close(adapted, TinyBackbones.States(backbone.Forward(probe)));
        merger.Unmerge();

        foreach (var (expected, (_, parameter)) in before.Zip(backbone.NamedParameters()))
        {
            TensorAssert.BitwiseEqual(expected, parameter.Value);
        }
    }

    [Fact]
    public void Settings_survive_a_round_trip_and_an_empty_object_gives_the_defaults()
    {
        Assert.Equal(Subject.Defaults, Subject.ReadConfig([], "test"));
        Assert.Equal(Config, Subject.ReadConfig(Subject.WriteConfig(Config), "test"));
    }

    [Fact]
    public void An_unknown_setting_is_refused_by_name()
    {
        var settings = new JsonObject { ["rnak"] = 4 };

        var error = Assert.Throws<GraftException>(() => Subject.ReadConfig(settings, "recipe.json"));

        Assert.Contains("recipe.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("rnak", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Every_parameter_is_named_under_its_site_or_as_shared_or_as_a_task_s(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        var sites = backbone.Sites.All.Select(s => s.Path + ".").ToList();

        Assert.All(
            adapter.NamedParameters().Select(p => p.Path),
            path => Assert.True(
                path.StartsWith("shared.", StringComparison.Ordinal) || sites.Exists(s => path.StartsWith(s, StringComparison.Ordinal))
                    || adapter.TaskOf(path) is not null, path));
    }

    [Theory, MemberData(nameof(Backbones))]
    public void The_form_that_packages_keep_has_the_same_outputs_and_the_bits_of_the_formula(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Scramble(adapter);
        var stored = CompactForm.Of(adapter, backbone);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(13, s_lengths);
        try
        {
            TensorAssert.BitwiseEqual(TinyBackbones.States(Run(backbone, adapter, batch)), TinyBackbones.States(Run(backbone, stored, batch)));
            Assert.Equal(Subject.Stored(adapter.Config), stored.Config);
            Assert.Equal(Subject.CountStoredBits(Config, backbone.Sites, Math.Max(1, Tasks.Count)), Subject.CountStoredBits(stored.Config, backbone.Sites, Math.Max(1, Tasks.Count)));
            Assert.Equal(CompactForm.CountParameters(adapter, backbone.Sites), CompactForm.CountParameters(stored, backbone.Sites));
        }
        finally
        {
            if (!ReferenceEquals(stored, adapter))
            {
                stored.Dispose();
            }
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void A_task_by_itself_as_an_ordinary_adapter_has_the_same_outputs(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Scramble(adapter);
        foreach (var task in adapter.Tasks)
        {
            using var alone = Subject.Standalone(adapter, task, backbone);
            if (alone is null)
            {
                return;
            }

            using var scope = new TensorScope();
            var batch = TinyBackbones.Batch(14, s_lengths);
            Assert.NotEqual(Method, alone.Method.Name);
            Assert.Equal((task, 0), (alone.Name, alone.Tasks.Count));
            TensorAssert.Close(RunTask(backbone, adapter, batch, task), RunTask(backbone, alone, batch, null), 1e-6, 1e-6);
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void A_package_has_the_bytes_of_the_formula(string name)
    {
        using var folder = new TestFolder();
        using var backbone = TinyBackbones.Create(name);
        using var rng = new Rng(1, Device.Cpu);
        var task = new TaskDefinition("letters", TaskKind.Classification, ["ham", "spam"], ["accuracy"], false);
        using var model = new TaskModel(task, backbone, Attach(backbone), new PooledHead(new PooledHeadConfig(TaskKind.Classification, 2), TinyBackbones.Width, rng), 30);
        var kept = model.Adapter.NamedParameters().Where(p => !p.Parameter.Trainable).Sum(p => p.Parameter.Value.Count)
            + model.Adapter.NamedBuffers().Where(b => b.Buffer.Kind == BufferKind.State && b.Buffer.Value.DType.IsFloating()).Sum(b => b.Buffer.Value.Count);
        var expected = (Subject.CountStoredBits(Config, backbone.Sites, Math.Max(1, Tasks.Count)) / 8) + (kept * sizeof(float));

        TaskModelPackage.Save(model, folder.At("package"));

        var path = Path.Combine(folder.At("package"), AdapterPackage.AdapterName);
        var header = BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(path));
        Assert.Equal(sizeof(long) + header + expected, new FileInfo(path).Length);
    }
}
