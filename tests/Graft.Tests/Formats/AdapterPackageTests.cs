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

public sealed class AdapterPackageTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public static TheoryData<string, string> MethodsAndBackbones =>
        [.. PeftMethods.All.Where(m => m.GetType().Assembly == typeof(PeftMethods).Assembly).SelectMany(m => TinyBackbones.Names.Select(n => (m.Name, (string)n.Data)))];

    public static TheoryData<TaskKind> Kinds => [.. Enum.GetValues<TaskKind>()];

    private string Package => _folder.At("package");

    private string Manifest => Path.Combine(Package, "graft.json");

    [Theory, MemberData(nameof(MethodsAndBackbones))]
    public void A_loaded_package_has_the_bits_of_the_saved_model(string method, string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var saved = TinyModels.Create(backbone, method, TaskKind.Classification);
        TaskModelPackage.Save(saved, Package);

        using var loaded = TaskModelPackage.Load(Package, backbone);

        AssertSame(saved, loaded);
        Assert.Equal(saved.Adapter.Method.Stored(saved.Adapter.Config), loaded.Adapter.Config);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Task_head_and_length_survive(TaskKind kind)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var saved = TinyModels.Create(backbone, "lora", kind, pair: true, maxTokens: 17);
        TaskModelPackage.Save(saved, Package, "minilm", new JsonObject { ["seed"] = 3 });

        using var loaded = TaskModelPackage.Load(Package, backbone);

        Assert.Equal(saved.Head.Config, loaded.Head.Config);
        Assert.Equal(17, loaded.MaxTokens);
        Assert.Equivalent(saved.Task, loaded.Task, strict: true);
        var manifest = AdapterPackage.Open(Package).Manifest;
        Assert.Equal("minilm", manifest.Backbone.Source);
        Assert.Equal(3, manifest.Training["seed"]!.GetValue<int>());
        AssertSame(saved, loaded);
    }

    [Fact]
    public void A_head_of_two_layers_survives()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var saved = TinyModels.Create(
            backbone, "lora", TaskKind.Classification, head: new PooledHeadConfig(TaskKind.Classification, 3, Pooling.First, 0.2, Layers: 2));
        TaskModelPackage.Save(saved, Package);

        using var loaded = TaskModelPackage.Load(Package, backbone);

        Assert.Equal(saved.Head.Config, loaded.Head.Config);
        AssertSame(saved, loaded);
    }

    [Fact]
    public void A_package_from_before_heads_had_layers_loads_with_one()
    {
        using var backbone = Saved();
        var manifest = JsonNode.Parse(File.ReadAllText(Manifest))!;
        Assert.True(manifest["head"]!.AsObject().Remove("layers"));
        File.WriteAllText(Manifest, manifest.ToJsonString());

        using var loaded = TaskModelPackage.Load(Package, backbone);

        Assert.Equal(1, Assert.IsType<PooledHeadConfig>(loaded.Head.Config).Layers);
    }

    [Fact]
    public void A_package_tells_its_sizes_as_they_are_on_disk()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);

        var package = TaskModelPackage.Save(model, Package);

        Assert.Equal(new FileInfo(Path.Combine(Package, "adapter.safetensors")).Length, package.AdapterBytes);
        Assert.Equal(new FileInfo(Path.Combine(Package, "head.safetensors")).Length, package.HeadBytes);
        Assert.Equal(model.Adapter.ParameterCount, package.Manifest.AdapterFile.Parameters);
    }

    [Fact]
    public void Every_field_of_the_manifest_is_documented()
    {
        using var backbone = Saved();
        var page = File.ReadAllText(SharedData.Repository("docs/formats.md"));

        Assert.All(Fields(JsonNode.Parse(File.ReadAllText(Manifest))!.AsObject(), ""), f => Assert.Contains($"`{f}`", page, StringComparison.Ordinal));

        static IEnumerable<string> Fields(JsonObject json, string prefix) => json.SelectMany(p => p.Value is JsonObject inner && p.Key is not ("config" or "training" or "versions")
            ? Fields(inner, prefix + (prefix == "files." ? "NAME" : p.Key) + ".")
            : [prefix + p.Key]);
    }

    [Fact]
    public void A_package_is_replaced_and_leaves_nothing_beside_it()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var first = TinyModels.Create(backbone, "lora", TaskKind.Classification, seed: 1);
        using var second = TinyModels.Create(backbone, "pfeiffer", TaskKind.Regression, seed: 2);
        TaskModelPackage.Save(first, Package);

        TaskModelPackage.Save(second, Package);

        using var loaded = TaskModelPackage.Load(Package, backbone);
        AssertSame(second, loaded);
        Assert.Equal([Package], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_leftover_of_a_killed_process_does_not_matter()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);
        _folder.Write(Path.Combine(".package.00112233445566778899aabbccddeeff.tmp", "adapter.safetensors"), "half");

        TaskModelPackage.Save(model, Package);
        TaskModelPackage.Save(model, Package);

        using var loaded = TaskModelPackage.Load(Package, backbone);
        AssertSame(model, loaded);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_fault_while_writing_leaves_the_old_package_and_nothing_else(int filesWritten)
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);
        TaskModelPackage.Save(model, Package);

        var error = Assert.Throws<GraftException>(() => AtomicFolder.Replace(Package, place =>
        {
            for (var i = 0; i < filesWritten; i++)
            {
                File.WriteAllText(Path.Combine(place, $"{i}"), "new");
            }

            throw new IOException("No space left on device", 28);
        }));

        Assert.Contains("is full", error.Message, StringComparison.Ordinal);
        Assert.Equal([Package], Directory.EnumerateFileSystemEntries(_folder.Path));
        using var loaded = TaskModelPackage.Load(Package, backbone);
        AssertSame(model, loaded);
    }

    [Fact]
    public void Where_folders_cannot_be_exchanged_an_old_package_that_was_left_behind_is_named()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);
        TaskModelPackage.Save(model, Package);
        var left = _folder.At($".package.{Guid.NewGuid():N}.tmp.old");
        Directory.CreateDirectory(_folder.At($".package.more.{Guid.NewGuid():N}.tmp.old"));
        Directory.Move(Package, left);

        Sentence(() => AdapterPackage.Open(Package), left, "move it back");

        Assert.True(JointPackage.IsLeftover(left));
        Directory.Move(left, Package);
        using var loaded = TaskModelPackage.Load(Package, backbone);
        AssertSame(model, loaded);
        Assert.Null(AtomicFolder.LeftBehind(Package));

        // The next save takes it away, so that it is never taken for the newest.
        Directory.CreateDirectory(left);
        TaskModelPackage.Save(model, Package);
        Assert.False(Directory.Exists(left));
        Assert.Null(AtomicFolder.LeftBehind(_folder.At("*")));
    }

    [Fact]
    public void A_user_s_own_files_are_never_replaced()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);
        var note = _folder.Write("package/notes.txt", "mine");
        var file = _folder.Write("file", "mine");

        Sentence(() => TaskModelPackage.Save(model, Package), "notes.txt", "choose an empty or new folder");
        Sentence(() => TaskModelPackage.Save(model, file), "is a file");

        Assert.Equal("mine", File.ReadAllText(note));
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_one_sentence()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);

        Sentence(() => TaskModelPackage.Save(model, "/proc/graft/package"), "/proc/graft/package", "choose a place that you may write to");
    }

    [Fact]
    public void A_full_disk_and_a_read_only_one_change_nothing()
    {
        using var backbone = TinyBackbones.Create("bert", layers: 6);
        using var small = TinyModels.Create(backbone, "head", TaskKind.Classification);
        using var large = TinyModels.Create(backbone, "full", TaskKind.Classification);
        using var disk = TinyDisk.Mount(_folder.At("disk"), kilobytes: 48) ?? throw Skipped();
        var place = _folder.At("disk", "package");
        TaskModelPackage.Save(small, place);

        Sentence(() => TaskModelPackage.Save(large, place), place, "is full");
        disk.MakeReadOnly();
        Sentence(() => TaskModelPackage.Save(small, place), place, "choose a place that you may write to");

        Assert.Equal([place], Directory.EnumerateFileSystemEntries(_folder.At("disk")));
        using var loaded = TaskModelPackage.Load(place, backbone);
        AssertSame(small, loaded);

        static Exception Skipped()
        {
            Assert.Skip("needs the right to mount a tmpfs");
            return new InvalidOperationException();
        }
    }

    [Fact]
    public void What_is_no_package_is_told_so()
    {
        using var backbone = TinyBackbones.Create("bert");

        Sentence(() => TaskModelPackage.Load(_folder.At("nowhere"), backbone), "no package folder", "nowhere");
        Sentence(() => TaskModelPackage.Load(_folder.Path, backbone), "no graft.json");
    }

    [Theory]
    [InlineData("head.safetensors", "no head")]
    [InlineData("adapter.safetensors", "no adapter")]
    public void A_missing_file_is_named(string file, string expected)
    {
        using var backbone = Saved();
        File.Delete(Path.Combine(Package, file));

        Sentence(() => TaskModelPackage.Load(Package, backbone), expected, file, "again");
    }

    [Fact]
    public void Another_backbone_is_refused_with_both_named()
    {
        using var backbone = Saved(source: "minilm");
        using var other = TinyBackbones.Create("roberta", layers: 3);

        var message = Sentence(() => TaskModelPackage.Load(Package, other), "minilm", "bert, 2 layers", "roberta, 3 layers", "--backbone");

        Assert.Contains(backbone.Fingerprint[..12], message, StringComparison.Ordinal);
        Assert.Contains(other.Fingerprint[..12], message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_unexpected_and_misshapen_keys_are_all_listed()
    {
        using var backbone = Saved();
        using var scope = new TensorScope();
        var path = Path.Combine(Package, "adapter.safetensors");
        List<SafetensorsEntry> entries;
        string[] keys;
        using (var file = SafetensorsFile.Open(path))
        {
            keys = [.. file.Keys.Order(StringComparer.Ordinal)];
            entries = [.. keys.Skip(2).Select(k => SafetensorsEntry.From(k, file.Load(k).Clone()))];
        }

        entries.Add(SafetensorsEntry.From(keys[1], Tensor.Zeros([3, 5])));
        entries.Add(SafetensorsEntry.From("stranger", Tensor.Zeros([2])));
        SafetensorsWriter.Write(path, entries);

        Sentence(
            () => TaskModelPackage.Load(Package, backbone),
            $"{keys.Length - 2} loaded", $"1 missing: {keys[0]}", "1 unexpected: stranger", $"1 misshapen: {keys[1]} is [3, 5], expected [");
    }

    [Fact]
    public void A_truncated_file_and_a_changed_one_are_refused()
    {
        using var backbone = Saved();
        var path = Path.Combine(Package, "head.safetensors");
        var bytes = File.ReadAllBytes(path);

        File.WriteAllBytes(path, bytes[..^7]);
        Sentence(() => TaskModelPackage.Load(Package, backbone), path, "truncated");

        bytes[^1] ^= 1;
        File.WriteAllBytes(path, bytes);
        Sentence(() => TaskModelPackage.Load(Package, backbone), path, "SHA-256");
    }

    [Theory]
    [InlineData("\"method\": \"lora\"", "\"method\": \"lorra\"", "did you mean 'lora'")]
    [InlineData("\"format_version\": 1", "\"format_version\": 9", "update Graft")]
    [InlineData("\"format_version\": 1", "\"format_version\": 0", "expected 1")]
    [InlineData("\"format\": \"graft-adapter\"", "\"format\": \"else\"", "no package of Graft")]
    [InlineData("\"rank\": 8", "\"rnak\": 8", "did you mean 'rank'")]
    [InlineData("\"rank\": 8", "\"rank\": 1000000", "parameters")]
    [InlineData("\"kind\": \"classification\"", "\"kind\": \"classificaton\"", "did you mean 'classification'")]
    [InlineData("\"kind\": \"classification\"", "\"kind\": \"regression\"", "no list for a regression task")]
    [InlineData("\"accuracy\"", "\"acuracy\"", "did you mean 'accuracy'")]
    [InlineData("\"glad\"", "\"sad\"", "labels")]
    [InlineData("\"pooling\": \"mean\"", "\"pooling\": \"meen\"", "did you mean 'mean'")]
    [InlineData("\"layers\": 1", "\"layers\": 3", "expected 1 or 2")]
    [InlineData("\"dropout\": 0.1", "\"dropout\": 7", "probability")]
    [InlineData("\"max_tokens\": 24", "\"max_tokens\": -1", "max_tokens")]
    [InlineData("\"task\": {", "\"tsk\": {", "did you mean 'task'")]
    [InlineData("\"sha256\"", "\"md5\"", "unknown key 'md5'")]
    [InlineData("{", "", "not valid JSON")]
    public void A_fault_in_the_manifest_is_one_sentence(string from, string to, string expected)
    {
        using var backbone = Saved();
        var text = File.ReadAllText(Manifest);
        Assert.Contains(from, text, StringComparison.Ordinal);
        var at = text.IndexOf(from, StringComparison.Ordinal);
        File.WriteAllText(Manifest, text[..at] + to + text[(at + from.Length)..]);

        Sentence(() => TaskModelPackage.Load(Package, backbone), "graft.json", expected);
    }

    [Theory]
    [InlineData("graft.json")]
    [InlineData("adapter.safetensors")]
    [InlineData("head.safetensors")]
    public void Damaged_files_never_cause_another_exception(string name)
    {
        using var backbone = Saved();
        var path = Path.Combine(Package, name);
        var whole = File.ReadAllBytes(path);
        var random = new Random(name.Length);
        var live = LeakCheck.Settled();
        var refused = 0;
        for (var round = 0; round < 250; round++)
        {
            var bytes = round % 3 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (var change = 0; change < 1 + (round % 4) && bytes.Length > 0 && round % 3 != 0; change++)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            File.WriteAllBytes(path, bytes);
            try
            {
                TaskModelPackage.Load(Package, backbone).Dispose();
                Assert.True(name == "graft.json" || bytes.AsSpan().SequenceEqual(whole), $"Round {round} loaded a damaged {name}.");
            }
            catch (GraftException)
            {
                refused++;
            }
        }

        Assert.True(refused > 100, $"Only {refused} of 250 damaged files were refused.");
        Assert.Equal(live, LiveTensors.Count);
    }

    public void Dispose() => _folder.Dispose();

    private Backbone Saved(string? source = null)
    {
        var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);
        TaskModelPackage.Save(model, Package, source);
        return backbone;
    }

    private static string Sentence(Action act, params string[] parts)
    {
        var error = Assert.Throws<GraftException>(act);
        Assert.All(parts, p => Assert.Contains(p, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error.Message);
        return error.Message;
    }

    /// <summary>The same answers, and the parameters of the form that packages keep.</summary>
    private static void AssertSame(TaskModel expected, TaskModel actual)
    {
        using var scope = new TensorScope();
        var stored = CompactForm.Of(expected.Adapter, expected.Backbone);
        using var compact = ReferenceEquals(stored, expected.Adapter) ? null : stored;
        var left = stored.NamedParameters().Select(p => ("adapter." + p.Path, p.Parameter)).Concat(expected.Parameters().Where(p => p.Path.StartsWith("head.", StringComparison.Ordinal))).ToList();
        var right = actual.Parameters().ToList();
        Assert.Equal(left.Select(p => p.Item1), right.Select(p => p.Path));
        foreach (var ((_, one), (_, other)) in left.Zip(right))
        {
            TensorAssert.BitwiseEqual(one.Value, other.Value);
            Assert.Equal(one.Trainable, other.Trainable);
        }

        var batch = TinyBackbones.Batch(3, 7, 4, 5);
        TensorAssert.BitwiseEqual(expected.Forward(batch).Logits, actual.Forward(batch).Logits);
    }
}
