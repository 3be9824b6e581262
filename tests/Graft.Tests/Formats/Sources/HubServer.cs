using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Graft.Formats.Sources;

namespace Graft.Tests.Formats.Sources;

/// <summary>A hub on this machine's loopback: one model, with redirects, ranges and faults as a test sets them.</summary>
internal sealed class HubServer : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly HttpListener _listener;
    private readonly Task _loop;

    public HubServer()
    {
        (_listener, Address) = Listen();
        _loop = Task.Run(AcceptAsync);
    }

    public Uri Address { get; }

    /// <summary>The model's files.</summary>
    public Dictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Files that the hub calls large: hashed by SHA-256.</summary>
    public HashSet<string> Large { get; } = new(StringComparer.Ordinal);

    /// <summary>Where large files are redirected to, or null when the hub serves them itself.</summary>
    public Uri? Store { get; set; }

    /// <summary>Looks at each request first; true when it has answered.</summary>
    public Func<HttpListenerContext, bool>? Intercept { get; set; }

    /// <summary>What was asked: method, path, range, authorization.</summary>
    public ConcurrentQueue<(string Method, string Path, string? Range, string? Authorization)> Requests { get; } = new();

    public HubServer With(string name, string text) => With(name, Encoding.UTF8.GetBytes(text), isLarge: false);

    public HubServer With(string name, byte[] content, bool isLarge)
    {
        Files[name] = content;
        if (isLarge)
        {
            Large.Add(name);
        }

        return this;
    }

    /// <summary>A small complete model whose weights are <paramref name="bytes"/> long.</summary>
    public HubServer WithModel(int bytes = 300_000)
    {
        var weights = new byte[bytes];
        new Random(5).NextBytes(weights);
        return With("config.json", "{\"model_type\": \"bert\"}").With("tokenizer.json", "{}").With("pytorch_model.bin", "pickle").With("model.safetensors", weights, isLarge: true);
    }

    /// <summary>The hash under which the hub knows a file.</summary>
    public string HashOf(string name)
    {
        if (Large.Contains(name))
        {
            return Convert.ToHexStringLower(SHA256.HashData(Files[name]));
        }

        using var stream = new MemoryStream(Files[name]);
        return FileHash.GitBlob(stream);
    }

    /// <summary>How many contents of a file were asked for.</summary>
    public int Gets(string name) => Requests.Count(request => request.Method == "GET" && request.Path.EndsWith("/" + name, StringComparison.Ordinal));

    /// <summary>Answers with a status and no content.</summary>
    public static bool Answer(HttpListenerContext context, int status, string? code = null)
    {
        context.Response.StatusCode = status;
        if (code is not null)
        {
            context.Response.Headers["X-Error-Code"] = code;
        }

        context.Response.Close();
        return true;
    }

    /// <summary>Sends the first part of a content and breaks the connection.</summary>
    public static bool Break(HttpListenerContext context, byte[] content, int after)
    {
        context.Response.ContentLength64 = content.Length;
        context.Response.OutputStream.Write(content, 0, after);
        context.Response.OutputStream.Flush();
        context.Response.Abort();
        return true;
    }

    public void Dispose()
    {
        _listener.Abort();
        _loop.Wait(TimeSpan.FromSeconds(5));
    }

    private static (HttpListener Listener, Uri Address) Listen()
    {
        while (true)
        {
            using var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            var listener = new HttpListener { Prefixes = { $"http://127.0.0.1:{port}/" } };
            try
            {
                listener.Start();
                return (listener, new Uri($"http://127.0.0.1:{port}/"));
            }
            catch (HttpListenerException)
            {
                listener.Close(); // another process took the port in between
            }
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync().ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            try
            {
                Handle(context);
            }
            catch (Exception fault) when (fault is HttpListenerException or IOException or ObjectDisposedException or InvalidOperationException)
            {
                context.Response.Abort(); // the client has gone
            }
        }
    }

    private void Handle(HttpListenerContext context)
    {
        var path = Uri.UnescapeDataString(context.Request.Url!.AbsolutePath);
        Requests.Enqueue((context.Request.HttpMethod, path, context.Request.Headers["Range"], context.Request.Headers["Authorization"]));
        if (Intercept?.Invoke(context) == true)
        {
            return;
        }

        if (path.StartsWith("/api/models/org/name/revision/", StringComparison.Ordinal))
        {
            var siblings = string.Join(",", Files.Keys.Select(name => $"{{\"rfilename\":\"{name}\"}}"));
            Send(context, Encoding.UTF8.GetBytes($"{{\"sha\":\"{Commit}\",\"siblings\":[{siblings}]}}"));
            return;
        }

        var name = path.Split($"/resolve/{Commit}/") is [_, var file] ? file : path[1..];
        if (!Files.TryGetValue(name, out var content))
        {
            Answer(context, 404, "EntryNotFound");
            return;
        }

        context.Response.Headers["ETag"] = $"\"{HashOf(name)}\"";
        if (Large.Contains(name) && Store is not null)
        {
            context.Response.Headers["X-Linked-Etag"] = $"\"{HashOf(name)}\"";
            context.Response.Headers["X-Linked-Size"] = $"{content.Length}";
            context.Response.Redirect(new Uri(Store, name).ToString());
            context.Response.Close();
            return;
        }

        Send(context, content);
    }

    private static void Send(HttpListenerContext context, byte[] content)
    {
        var from = context.Request.Headers["Range"] is { } range ? int.Parse(range["bytes=".Length..^1]) : 0;
        if (from > 0)
        {
            context.Response.StatusCode = 206;
            context.Response.Headers["Content-Range"] = $"bytes {from}-{content.Length - 1}/{content.Length}";
        }

        context.Response.ContentLength64 = content.Length - from;
        if (context.Request.HttpMethod != "HEAD")
        {
            context.Response.OutputStream.Write(content, from, content.Length - from);
        }

        context.Response.Close();
    }
}
