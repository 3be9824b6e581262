using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

public sealed class HubSourceTests : IDisposable
{
    private const string Model = "hf:org/name";
    private readonly ScratchFolder _scratch = new();
    private readonly HubServer _hub = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Weights => _scratch[$"hub/models--org--name/snapshots/{HubServer.Commit}/model.safetensors"];

    public void Dispose()
    {
        _hub.Dispose();
        _scratch.Dispose();
    }

    [Fact]
    public async Task A_model_arrives_in_the_hubs_own_cache_layout_without_its_pickles()
    {
        _hub.WithModel();

        var pulled = await PullAsync();

        Assert.Equal(_scratch[$"hub/models--org--name/snapshots/{HubServer.Commit}"], pulled.Folder);
        Assert.Equal(["config.json", "model.safetensors", "tokenizer.json"], pulled.Files);
        Assert.False(pulled.AlreadyThere);
        Assert.Equal($"../../blobs/{_hub.HashOf("model.safetensors")}", new FileInfo(Weights).LinkTarget);
        Assert.Equal(HubServer.Commit, await File.ReadAllTextAsync(_scratch["hub/models--org--name/refs/main"], Token));
        Assert.Equal(_hub.Files["model.safetensors"], await File.ReadAllBytesAsync(Weights, Token));
        Assert.DoesNotContain(_scratch.Files("hub"), file => file.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_second_pull_fetches_no_file_and_a_pull_of_a_commit_asks_nothing()
    {
        _hub.WithModel();
        await PullAsync();
        await PullAsync($"{Model}@{HubServer.Commit}");
        _hub.Requests.Clear();

        var again = await PullAsync();
        var commit = await PullAsync($"{Model}@{HubServer.Commit}");

        Assert.True(again.AlreadyThere && commit.AlreadyThere);
        Assert.Single(_hub.Requests);
    }

    [Fact]
    public async Task A_broken_connection_is_resumed_where_it_broke()
    {
        _hub.WithModel();
        var weights = _hub.Files["model.safetensors"];
        _hub.Intercept = context => IsFirstGet(context, "model.safetensors") && HubServer.Break(context, weights, 100_000);

        await PullAsync();

        Assert.Equal(weights, await File.ReadAllBytesAsync(Weights, Token));
        var last = _hub.Requests.Last(request => request.Method == "GET");
        Assert.Matches("^bytes=[1-9][0-9]*-$", last.Range!);
    }

    [Fact]
    public async Task An_interrupted_pull_shows_no_half_file_and_the_next_one_goes_on()
    {
        _hub.WithModel();
        var weights = _hub.Files["model.safetensors"];
        using var stop = new CancellationTokenSource();
        _hub.Intercept = context =>
        {
            if (!IsFirstGet(context, "model.safetensors"))
            {
                return false;
            }

            context.Response.ContentLength64 = weights.Length;
            context.Response.OutputStream.Write(weights, 0, 150_000);
            context.Response.OutputStream.Flush();
            Thread.Sleep(200);
            stop.Cancel();
            Thread.Sleep(200);
            context.Response.Abort();
            return true;
        };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelSources.PullAsync(Model, settings: Settings(), cancellationToken: stop.Token));
        Assert.False(File.Exists(Weights));
        var unfinished = Assert.Throws<GraftException>(() => ModelSources.Resolve(Model, Settings()));
        Assert.Contains("graft pull hf:org/name", unfinished.Message, StringComparison.Ordinal);

        await PullAsync();

        Assert.Equal(weights, await File.ReadAllBytesAsync(Weights, Token));
        Assert.NotNull(_hub.Requests.Last(request => request.Method == "GET").Range);
    }

    [Fact]
    public async Task A_start_left_by_another_file_is_noticed_and_fetched_anew()
    {
        _hub.WithModel();
        _scratch.Write($"hub/models--org--name/blobs/{_hub.HashOf("model.safetensors")}.incomplete", new byte[5000]);

        await PullAsync();

        Assert.Equal(_hub.Files["model.safetensors"], await File.ReadAllBytesAsync(Weights, Token));
    }

    [Fact]
    public async Task A_damaged_file_is_refused_and_leaves_nothing()
    {
        _hub.WithModel();
        _hub.Intercept = context =>
        {
            if (context.Request.HttpMethod == "GET" && context.Request.Url!.AbsolutePath.EndsWith("model.safetensors", StringComparison.Ordinal))
            {
                var bytes = _hub.Files["model.safetensors"].ToArray();
                bytes[77] ^= 1;
                context.Response.ContentLength64 = bytes.Length;
                context.Response.OutputStream.Write(bytes);
                context.Response.Close();
                return true;
            }

            return false;
        };

        var fault = await Assert.ThrowsAsync<GraftException>(() => PullAsync());

        Assert.Contains("'model.safetensors' arrived damaged", fault.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Weights));
        Assert.DoesNotContain(_scratch.Files("hub"), file => file.Contains(_hub.HashOf("model.safetensors"), StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_redirect_to_another_host_gets_no_token()
    {
        using var store = new HubServer();
        _hub.WithModel().Store = store.Address;
        store.With("model.safetensors", _hub.Files["model.safetensors"], isLarge: true);

        await ModelSources.PullAsync(Model, settings: Settings("secret"), cancellationToken: Token);

        Assert.Equal(_hub.Files["model.safetensors"], await File.ReadAllBytesAsync(Weights, Token));
        Assert.All(_hub.Requests, request => Assert.Equal("Bearer secret", request.Authorization));
        Assert.NotEmpty(store.Requests);
        Assert.All(store.Requests, request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task Shards_are_fetched_by_their_index()
    {
        _hub.With("config.json", "{}").With("model-1.safetensors", [1, 2], isLarge: true).With("model-2.safetensors", [3], isLarge: true)
            .With("model.safetensors.index.json", """{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}}""");

        var pulled = await PullAsync();

        Assert.Equal(["config.json", "model-1.safetensors", "model-2.safetensors", "model.safetensors.index.json"], pulled.Files);
    }

    [Theory]
    [InlineData(401, null, null, "set HF_TOKEN")]
    [InlineData(401, null, "secret", "refused the token in HF_TOKEN")]
    [InlineData(403, null, "secret", "may not read")]
    [InlineData(403, "GatedRepo", null, "accepted its conditions")]
    [InlineData(404, "RevisionNotFound", null, "no revision 'main'")]
    [InlineData(404, null, null, "has no 'hf:org/name'")]
    [InlineData(418, null, null, "answered 418")]
    public async Task A_refusal_is_one_sentence_with_a_remedy_and_is_not_retried(int status, string? code, string? token, string part)
    {
        _hub.Intercept = context => HubServer.Answer(context, status, code);

        var fault = await Assert.ThrowsAsync<GraftException>(() => ModelSources.PullAsync(Model, settings: Settings(token), cancellationToken: Token));

        Assert.Contains(part, fault.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", fault.Message, StringComparison.Ordinal);
        Assert.Single(_hub.Requests);
    }

    [Fact]
    public async Task Faults_of_the_server_are_retried_until_it_recovers()
    {
        _hub.WithModel();
        var left = 3;
        _hub.Intercept = context => left-- > 0 && HubServer.Answer(context, left == 1 ? 429 : 503);

        await PullAsync();

        Assert.True(File.Exists(Weights));
    }

    [Fact]
    public async Task A_hub_that_cannot_be_reached_is_named_unless_the_model_is_there()
    {
        var fault = await Assert.ThrowsAsync<HubUnreachableException>(() => ModelSources.PullAsync(Model, settings: _scratch.Settings(), cancellationToken: Token));
        Assert.Contains("HF_ENDPOINT", fault.Message, StringComparison.Ordinal);

        _hub.WithModel();
        await PullAsync();
        var offline = await ModelSources.PullAsync(Model, settings: _scratch.Settings(), cancellationToken: Token);

        Assert.True(offline.AlreadyThere);
        Assert.Contains("as it is", Assert.Single(offline.Notices), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_with_pickles_alone_is_refused_with_the_remedy()
    {
        _hub.With("config.json", "{}").With("pytorch_model.bin", "pickle");

        var fault = await Assert.ThrowsAsync<GraftException>(() => PullAsync());

        Assert.Contains("'pytorch_model.bin'", fault.Message, StringComparison.Ordinal);
        Assert.Contains("refs/pr", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_name_that_leads_out_of_the_folder_is_never_written()
    {
        _hub.With("config.json", "{}").With("model.safetensors.index.json", """{"weight_map": {"a": "../../../evil.safetensors"}}""").With("../../../evil.safetensors", "x");

        await Assert.ThrowsAsync<GraftException>(() => PullAsync());

        Assert.DoesNotContain(_scratch.Files(), file => file.Contains("evil", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_full_disk_is_said_in_one_sentence()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full");
        _hub.WithModel();
        var partial = _scratch[$"hub/models--org--name/blobs/{_hub.HashOf("config.json")}.incomplete"];
        Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
        File.CreateSymbolicLink(partial, "/dev/full");

        var fault = await Assert.ThrowsAsync<GraftException>(() => PullAsync());

        Assert.True(fault.Message.Contains("is full; free some space", StringComparison.Ordinal), fault.ToString());
    }

    [Fact]
    public async Task A_pull_into_a_folder_copies_the_content_and_not_the_links()
    {
        _hub.WithModel();

        var pulled = await ModelSources.PullAsync(Model, _scratch["mine"], settings: Settings(), cancellationToken: Token);

        Assert.Equal(_scratch["mine"], pulled.Folder);
        Assert.Null(new FileInfo(_scratch["mine/model.safetensors"]).LinkTarget);
        Assert.Equal(_hub.Files["model.safetensors"], await File.ReadAllBytesAsync(_scratch["mine/model.safetensors"], Token));
        Assert.Equal(pulled.Folder, ModelSources.Resolve(_scratch["mine"], Settings()));
    }

    [Fact]
    public async Task Pulled_models_are_listed_and_resolved_without_the_network()
    {
        _hub.WithModel();
        var pulled = await PullAsync();

        Assert.Equal(pulled.Folder, ModelSources.Resolve(Model, Settings()));
        var listed = Assert.Single(ModelSources.List(Settings()));
        Assert.Equal((Model, pulled.Folder), (listed.Source, listed.Folder));
        Assert.InRange(listed.Bytes, 300_000, 301_000);
    }

    [Theory]
    [InlineData("hf:")]
    [InlineData("hf:org/name/more")]
    [InlineData("hf:../name")]
    [InlineData("hf:org/name@")]
    [InlineData("hf:org/name@../../x")]
    [InlineData("hf:org/na me")]
    public async Task A_malformed_name_is_refused(string source)
    {
        var fault = await Assert.ThrowsAsync<GraftException>(() => PullAsync(source));

        Assert.Contains("hf:ORG/NAME@REVISION", fault.Message, StringComparison.Ordinal);
    }

    private bool IsFirstGet(System.Net.HttpListenerContext context, string name) =>
        context.Request.HttpMethod == "GET" && context.Request.Url!.AbsolutePath.EndsWith("/" + name, StringComparison.Ordinal) && _hub.Gets(name) == 1;

    private SourceSettings Settings(string? token = null) => _scratch.Settings(_hub.Address, token);

    private Task<PulledModel> PullAsync(string source = Model) => ModelSources.PullAsync(source, settings: Settings(), cancellationToken: Token);
}
