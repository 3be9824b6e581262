using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

public sealed class SourceFolderTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_folder_is_filled_once_and_again_when_a_file_was_changed_or_lost()
    {
        Assert.False(await EnsureAsync("one"));
        Assert.True(await EnsureAsync("two"));
        Assert.Equal("one", await ContentAsync());

        File.SetLastWriteTimeUtc(_scratch["f/a.txt"], DateTime.UtcNow.AddDays(-1)); // touched, not changed
        Assert.True(await EnsureAsync("two"));

        await File.WriteAllTextAsync(_scratch["f/a.txt"], "oen", Token);
        Assert.False(await EnsureAsync("two"));
        Assert.Equal("two", await ContentAsync());

        File.Delete(_scratch["f/a.txt"]);
        Assert.False(await EnsureAsync("three"));
        await File.WriteAllTextAsync(_scratch["f/.graft-source.json"], "{\"source\": 3", Token);
        Assert.False(await EnsureAsync("four"));
        Assert.Equal("four", await ContentAsync());
        Assert.Equal([".graft-source.json", "a.txt"], _scratch.Files("f"));
        Assert.Equal(["f"], Directory.EnumerateFileSystemEntries(_scratch.Path).Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public async Task A_fault_while_filling_leaves_the_old_folder_and_nothing_else()
    {
        await EnsureAsync("one");
        File.Delete(_scratch["f/a.txt"]);

        await Assert.ThrowsAsync<OperationCanceledException>(() => SourceFolder.EnsureAsync(_scratch["f"], "test", async folder =>
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "half.txt"), "half", Token);
            throw new OperationCanceledException();
        }));

        Assert.Equal(["f/.graft-source.json"], _scratch.Files());
    }

    [Fact]
    public async Task A_folder_with_files_of_the_user_is_left_alone()
    {
        _scratch.Write("f/thesis.txt", "mine"u8);

        var fault = await Assert.ThrowsAsync<GraftException>(() => EnsureAsync("one"));

        Assert.Contains("holds files that graft did not write", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["f/thesis.txt"], _scratch.Files());
    }

    [Fact]
    public async Task A_file_in_the_folders_place_is_refused()
    {
        _scratch.Write("f", "mine"u8);

        Assert.Contains("is a file", (await Assert.ThrowsAsync<GraftException>(() => EnsureAsync("one"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_read_only_place_is_said_in_one_sentence()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "this system has no /proc");

        var fault = await Assert.ThrowsAsync<GraftException>(() => ModelSources.PullAsync("minilm", "/proc/self/graft", settings: _scratch.Settings(), cancellationToken: Token));

        Assert.Matches("^(The folder '/proc/self/graft' cannot be written|Could not write below '/proc/self/graft').*choose another.*--to", fault.Message);
    }

    [Fact]
    public void A_full_disk_and_a_refusal_are_told_apart()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full");
        var full = Assert.Throws<IOException>(() =>
        {
            using var stream = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            stream.Write([1]);
        });

        Assert.Contains("is full; free some space", FileFaults.Describe(full, "/x").Message, StringComparison.Ordinal);
        Assert.Contains("cannot be written", FileFaults.Describe(new UnauthorizedAccessException(), "/x").Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_local_folder_is_taken_as_it_is_or_copied()
    {
        var model = _scratch.WriteModel("model");

        var taken = await ModelSources.PullAsync(model, settings: _scratch.Settings(), cancellationToken: Token);
        var copied = await ModelSources.PullAsync(model, _scratch["copy"], settings: _scratch.Settings(), cancellationToken: Token);

        Assert.Equal((model, true), (taken.Folder, taken.AlreadyThere));
        Assert.Equal(["config.json", "model.safetensors"], copied.Files);
        Assert.False(copied.AlreadyThere);
    }

    [Fact]
    public void What_is_no_model_is_refused_with_what_was_expected()
    {
        _scratch.Write("noconfig/model.safetensors", "x"u8);
        _scratch.Write("pickled/config.json", "{}"u8);
        _scratch.Write("pickled/pytorch_model.bin", "x"u8);

        Assert.Contains("no folder", Refusal(_scratch["absent"]), StringComparison.Ordinal);
        Assert.Contains("no config.json", Refusal(_scratch["noconfig"]), StringComparison.Ordinal);
        Assert.Contains("pytorch_model.bin", Refusal(_scratch["pickled"]), StringComparison.Ordinal);
        Assert.Contains("run: graft pull minilm", Refusal("minilm"), StringComparison.Ordinal);
        Assert.Contains("run: graft pull npm:m@1.0.0", Refusal("npm:m@1.0.0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_follow_the_environment()
    {
        SourceSettings From(params (string Name, string Value)[] variables) => SourceSettings.From(name => variables.FirstOrDefault(variable => variable.Name == name).Value);

        Assert.Equal(("/u/.cache/graft", "/u/.cache/huggingface/hub", null), From(("HOME", "/u")) is var plain ? (plain.Home, plain.HubCache, plain.HubToken) : default);
        var set = From(("HOME", "/u"), ("GRAFT_HOME", "/g"), ("HF_HOME", "/h"), ("HF_ENDPOINT", "http://mirror:8080/hub/"), ("HF_TOKEN", "t"));
        Assert.Equal(("/g", "/h/hub", "http://mirror:8080/hub/", "t"), (set.Home, set.HubCache, set.HubEndpoint.ToString(), set.HubToken));
        Assert.Equal("/c", From(("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")).HubCache);
        Assert.Contains("HF_ENDPOINT", Assert.Throws<GraftException>(() => From(("HF_ENDPOINT", "mirror"))).Message, StringComparison.Ordinal);
    }

    private string Refusal(string source) => Assert.Throws<GraftException>(() => ModelSources.Resolve(source, _scratch.Settings())).Message;

    private Task<string> ContentAsync() => File.ReadAllTextAsync(_scratch["f/a.txt"], Token);

    private async Task<bool> EnsureAsync(string content) => (await SourceFolder.EnsureAsync(_scratch["f"], "test", async folder =>
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "a.txt"), content, Token);
        return [];
    })).AlreadyThere;
}
