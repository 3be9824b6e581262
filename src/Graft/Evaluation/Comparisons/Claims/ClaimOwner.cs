using System.Text.Json;
using System.Text.Json.Serialization;

namespace Graft.Evaluation.Comparisons.Claims;

/// <summary>The process that holds a claim. Immutable.</summary>
/// <param name="Host">The machine as processes see it: its name, its boot, and its table of processes, which a container has of its own.</param>
/// <param name="Process">The number of the process.</param>
/// <param name="Started">When it started, as the machine counts: a number is used again, the pair is not.</param>
/// <param name="Token">A random name of this claim alone.</param>
internal sealed record ClaimOwner(string Host, int Process, string Started, string Token)
{
    private static readonly string s_host = ReadHost();
    private static readonly string s_started = StartOf(Environment.ProcessId) ?? "";

    /// <summary>A claim of this process, with a token of its own.</summary>
    public static ClaimOwner Current() => new(s_host, Environment.ProcessId, s_started, Guid.NewGuid().ToString("N"));

    /// <summary>Whether the process is known to have ended; false where that cannot be told, as for another machine's.</summary>
    public bool IsGone => Host == s_host && StartOf(Process) != Started;

    /// <summary>The owner as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ClaimJson.Default.ClaimOwner);

    /// <summary>Reads an owner; null where the text is none, as of a file that is being written or was damaged.</summary>
    public static ClaimOwner? FromJson(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, ClaimJson.Default.ClaimOwner);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string ReadHost()
    {
        string[] facts = [Environment.MachineName, FirstLine("/proc/sys/kernel/random/boot_id"), new FileInfo("/proc/self/ns/pid").LinkTarget ?? ""];
        return string.Join(' ', facts.Where(f => f.Length > 0));
    }

    private static string FirstLine(string path) => File.Exists(path) ? File.ReadAllText(path).Trim() : "";

    /// <summary>When a process started; null where there is none, or one that has ended and only waits for its parent.</summary>
    private static string? StartOf(int process)
    {
        try
        {
            if (!OperatingSystem.IsLinux())
            {
                using var found = System.Diagnostics.Process.GetProcessById(process);
                return $"{found.StartTime.ToUniversalTime().Ticks}";
            }

            // "pid (name) state ppid ...": the name may hold anything, so what counts begins behind the last parenthesis; field 22 is the start.
            var stat = File.ReadAllText($"/proc/{process}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : fields[19];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>How owners are written.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(ClaimOwner))]
internal sealed partial class ClaimJson : JsonSerializerContext;
