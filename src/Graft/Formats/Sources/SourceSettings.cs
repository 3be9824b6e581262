using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>Where models come from and where they are kept on this machine. Immutable.</summary>
/// <param name="Home">Folder that holds what Graft downloads: <c>models/</c>, <c>tasks/</c>, <c>downloads/</c>.</param>
/// <param name="HubCache">Cache folder of the Hugging Face hub (<c>models--ORG--NAME/...</c>), shared with the hub's other clients.</param>
/// <param name="HubEndpoint">Address of the hub.</param>
/// <param name="HubToken">Access token for the hub, or null.</param>
/// <param name="NpmCommand">The npm client's command.</param>
/// <param name="RetryDelay">Wait before the first retry of a failed request; doubled at each further one.</param>
/// <param name="StallTimeout">How long a connection may stay silent before it is given up and retried.</param>
public sealed record SourceSettings(
    string Home,
    string HubCache,
    Uri HubEndpoint,
    string? HubToken = null,
    string NpmCommand = "npm",
    TimeSpan RetryDelay = default,
    TimeSpan StallTimeout = default)
{
    private const string DefaultHubEndpoint = "https://huggingface.co";

    /// <summary>The folder of pulled models.</summary>
    public string Models => Path.Combine(Home, "models");

    /// <summary>The folder of pulled task suites.</summary>
    public string Tasks => Path.Combine(Home, "tasks");

    /// <summary>The folder of package archives that are not used up yet.</summary>
    public string Downloads => Path.Combine(Home, "downloads");

    /// <summary>
    /// The settings of this process: GRAFT_HOME (else <c>~/.cache/graft</c>), HF_HUB_CACHE or HF_HOME (else
    /// <c>~/.cache/huggingface/hub</c>), HF_ENDPOINT and HF_TOKEN.
    /// </summary>
    /// <exception cref="GraftException">HF_ENDPOINT is not an http or https address.</exception>
    public static SourceSettings FromEnvironment() => From(Environment.GetEnvironmentVariable);

    /// <summary>The settings that the given environment describes.</summary>
    /// <param name="variable">Value of an environment variable by name, or null.</param>
    /// <exception cref="GraftException">HF_ENDPOINT is not an http or https address.</exception>
    public static SourceSettings From(Func<string, string?> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        string? Get(string name) => variable(name) is { Length: > 0 } value ? value : null;
        var user = Get("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var cache = Get("XDG_CACHE_HOME") ?? Path.Combine(user, ".cache");
        var hubHome = Get("HF_HOME") ?? Path.Combine(cache, "huggingface");
        var endpoint = Get("HF_ENDPOINT") ?? DefaultHubEndpoint;
        if (!Uri.TryCreate(endpoint.TrimEnd('/') + "/", UriKind.Absolute, out var hub) || hub.Scheme is not ("http" or "https"))
        {
            throw new GraftException($"HF_ENDPOINT is '{endpoint}', expected an http or https address; correct the variable or unset it.");
        }

        return new SourceSettings(
            Path.GetFullPath(Get("GRAFT_HOME") ?? Path.Combine(user, ".cache", "graft")),
            Path.GetFullPath(Get("HF_HUB_CACHE") ?? Path.Combine(hubHome, "hub")),
            hub,
            Get("HF_TOKEN"),
            OperatingSystem.IsWindows() ? "npm.cmd" : "npm",
            TimeSpan.FromSeconds(1),
            TimeSpan.FromSeconds(30));
    }
}
