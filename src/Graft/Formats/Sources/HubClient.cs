using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.RegularExpressions;
using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>What a revision stands for. Immutable.</summary>
/// <param name="Commit">Full commit hash.</param>
/// <param name="Files">Names of its files.</param>
internal sealed record HubRevision(string Commit, IReadOnlyCollection<string> Files);

/// <summary>One file of a revision. Immutable.</summary>
/// <param name="Name">Its name, with forward slashes.</param>
/// <param name="Hash">Its name in the cache: SHA-256 of a large file, git's SHA-1 of a small one.</param>
/// <param name="Bytes">Its size in bytes, or null when the hub does not say.</param>
internal sealed record HubFile(string Name, string Hash, long? Bytes);

/// <summary>The hub could not be reached, after all retries.</summary>
internal sealed class HubUnreachableException(string message, Exception? cause) : GraftException(message, cause);

/// <summary>
/// Talks to a Hugging Face hub about one model: redirects are followed by hand so that the token goes to the hub alone,
/// failures that may pass are retried with growing waits. Thread-safe.
/// </summary>
internal sealed partial class HubClient(SourceSettings settings, HubModel model) : IDisposable
{
    private const int Attempts = 5, MostRedirects = 10;

    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = settings.StallTimeout, UseCookies = false })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Asks which commit the revision stands for, and its files.</summary>
    /// <exception cref="GraftException">The hub cannot be reached, or has no such model or revision.</exception>
    public async Task<HubRevision> ResolveAsync(CancellationToken cancellation)
    {
        var uri = new Uri(settings.HubEndpoint, $"api/models/{model.Repository}/revision/{Uri.EscapeDataString(model.Revision)}");
        var json = await RetryAsync(
            async token =>
            {
                using var response = await SendAsync(HttpMethod.Get, uri, null, stayWithHub: false, token).ConfigureAwait(false);
                RequireSuccess(response, null);
                return await response.Content.ReadAsByteArrayAsync(token).ConfigureAwait(false);
            },
            cancellation).ConfigureAwait(false);
        try
        {
            using var document = JsonDocument.Parse(json);
            var commit = document.RootElement.GetProperty("sha").GetString() ?? "";
            var files = document.RootElement.GetProperty("siblings").EnumerateArray()
                .Select(file => file.GetProperty("rfilename").GetString() ?? "")
                .Where(name => SafeName().IsMatch(name) && name.Split('/').All(part => part is not ("" or "." or "..")))
                .ToHashSet(StringComparer.Ordinal);
            if (HubModel.IsCommitHash(commit))
            {
                return new HubRevision(commit, files);
            }
        }
        catch (Exception fault) when (fault is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new GraftException($"The answer of {settings.HubEndpoint} about '{model}' is not a hub's; check HF_ENDPOINT.", fault);
        }

        throw new GraftException($"The answer of {settings.HubEndpoint} about '{model}' names no commit; check HF_ENDPOINT.");
    }

    /// <summary>Asks for a file's hash and size.</summary>
    /// <exception cref="GraftException">The hub cannot be reached or refuses.</exception>
    public Task<HubFile> DescribeAsync(string commit, string name, CancellationToken cancellation) => RetryAsync(
        async token =>
        {
            using var response = await SendAsync(HttpMethod.Head, FileUri(commit, name), null, stayWithHub: true, token).ConfigureAwait(false);
            if (!IsRedirect(response.StatusCode))
            {
                RequireSuccess(response, name);
            }

            var tag = Header(response, "X-Linked-Etag") ?? Header(response, "ETag");
            var hash = tag?.Replace("W/", "", StringComparison.Ordinal).Trim('"').ToLowerInvariant() ?? "";
            if (!SafeHash().IsMatch(hash))
            {
                throw new GraftException($"The hub gives no hash for '{name}' of '{model}', so it cannot be checked; check HF_ENDPOINT.");
            }

            var size = Header(response, "X-Linked-Size") ?? (IsRedirect(response.StatusCode) ? null : response.Content.Headers.ContentLength?.ToString(CultureInfo.InvariantCulture));
            return new HubFile(name, hash, long.TryParse(size, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : null);
        },
        cancellation);

    /// <summary>Asks for a file's content from a byte on; the status tells whether the hub grants that.</summary>
    /// <exception cref="GraftException">The hub refuses.</exception>
    /// <exception cref="HttpRequestException">The request failed in a way that may pass.</exception>
    public async Task<HttpResponseMessage> OpenAsync(string commit, string name, long from, CancellationToken cancellation)
    {
        var response = await SendAsync(HttpMethod.Get, FileUri(commit, name), from, stayWithHub: false, cancellation).ConfigureAwait(false);
        try
        {
            if (response.StatusCode != HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                RequireSuccess(response, name);
            }

            return response;
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    /// <summary>Runs a request until it succeeds, with growing waits between attempts.</summary>
    /// <param name="request">The request; failures that may pass are <see cref="HttpRequestException"/>, <see cref="HttpIOException"/> and time-outs.</param>
    /// <param name="cancellation">Stops the attempts.</param>
    /// <exception cref="HubUnreachableException">All attempts failed.</exception>
    public async Task<T> RetryAsync<T>(Func<CancellationToken, Task<T>> request, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(settings.StallTimeout);
            try
            {
                return await request(limit.Token).ConfigureAwait(false);
            }
            catch (Exception fault) when (MayPass(fault) && !cancellation.IsCancellationRequested)
            {
                if (attempt == Attempts)
                {
                    throw Unreachable(fault);
                }
            }

            await WaitAsync(attempt, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>True for failures of the network or the server that a retry may cure.</summary>
    public static bool MayPass(Exception fault) => fault is HttpRequestException or HttpIOException or OperationCanceledException or System.Net.Sockets.SocketException;

    /// <summary>The wait before an attempt that follows so many failed ones.</summary>
    public Task WaitAsync(int failures, CancellationToken cancellation) => Task.Delay(settings.RetryDelay * Math.Pow(2, failures - 1), cancellation);

    /// <summary>The hub could not be reached.</summary>
    public HubUnreachableException Unreachable(Exception fault) => new(
        $"The hub {settings.HubEndpoint} could not be reached for '{model}' ({Reason(fault)}); check the network or HF_ENDPOINT and run the command again, it goes on where it stopped.", fault);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static string Reason(Exception fault) => fault is OperationCanceledException ? "no answer in time" : fault.Message.TrimEnd('.');

    private Uri FileUri(string commit, string name) =>
        new(settings.HubEndpoint, $"{model.Repository}/resolve/{commit}/{string.Join('/', name.Split('/').Select(Uri.EscapeDataString))}");

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri uri, long? from, bool stayWithHub, CancellationToken cancellation)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var request = new HttpRequestMessage(method, uri);
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("graft", "0.1"));
            request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
            if (settings.HubToken is { } token && IsHub(uri))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }

            if (from > 0)
            {
                request.Headers.Range = new RangeHeaderValue(from, null);
            }

            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            if (!IsRedirect(response.StatusCode) || response.Headers.Location is not { } location)
            {
                return response;
            }

            var next = new Uri(uri, location);
            if (stayWithHub && !IsHub(next))
            {
                return response;
            }

            response.Dispose();
            if (redirects == MostRedirects || next.Scheme is not ("http" or "https") || (uri.Scheme == Uri.UriSchemeHttps && next.Scheme == Uri.UriSchemeHttp))
            {
                throw new GraftException($"The hub {settings.HubEndpoint} redirects '{model}' in a way that is not safe to follow; check HF_ENDPOINT.");
            }

            uri = next;
        }
    }

    private bool IsHub(Uri uri) => Uri.Compare(uri, settings.HubEndpoint, UriComponents.SchemeAndServer, UriFormat.SafeUnescaped, StringComparison.OrdinalIgnoreCase) == 0;

    private static bool IsRedirect(HttpStatusCode status) => (int)status is 301 or 302 or 303 or 307 or 308;

    private static string? Header(HttpResponseMessage response, string name) => response.Headers.NonValidated.TryGetValues(name, out var values) ? values.ToString() : null;

    private void RequireSuccess(HttpResponseMessage response, string? file)
    {
        if (response.IsSuccessStatusCode)
        {
            return;
        }

        var status = (int)response.StatusCode;
        if (status is 408 or 429 or >= 500)
        {
            throw new HttpRequestException($"the hub answered {status}", null, response.StatusCode);
        }

        var subject = file is null ? $"'{model}'" : $"'{file}' of '{model}'";
        throw new GraftException((status, Header(response, "X-Error-Code")) switch
        {
            (_, "GatedRepo") => $"The hub grants {subject} only to those who accepted its conditions; accept them on the model's page, set HF_TOKEN to your token and run the command again.",
            (404, "RevisionNotFound") => $"The hub has no revision '{model.Revision}' of '{model.Repository}'; check the part behind the @.",
            (401, _) when settings.HubToken is null => $"The hub shows {subject} to no one without a token, or has no such model; check the name, or set HF_TOKEN to a token that may read it.",
            (401, _) => $"The hub refused the token in HF_TOKEN for {subject}, or has no such model; check the name and the token.",
            (403, _) => $"The token in HF_TOKEN may not read {subject}; ask for access on the model's page or use another token.",
            (404, _) => $"The hub {settings.HubEndpoint} has no {subject}; check the name and the revision.",
            _ => $"The hub {settings.HubEndpoint} answered {status} for {subject}; check the name and HF_ENDPOINT.",
        });
    }

    [GeneratedRegex(@"^[^\\:\x00-\x1f]{1,500}$", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex SafeName();

    [GeneratedRegex("^[0-9a-z][0-9a-z_-]{0,127}$", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex SafeHash();
}
