using System.Runtime.Versioning;
using Graft.Formats.Sources;

namespace Graft.Tests.Formats.Sources;

/// <summary>A temporary folder and settings that keep everything inside it.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("graft-sources-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Settings with a home and a hub cache in this folder, short waits, and an address where nothing listens.</summary>
    public SourceSettings Settings(Uri? hub = null, string? token = null, string npm = "npm") => new(
        this["home"], this["hub"], hub ?? new Uri("http://127.0.0.1:9/"), token, npm, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(5));

    public string Write(string name, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this[name];
    }

    /// <summary>A model folder that is complete by its file names.</summary>
    public string WriteModel(string name)
    {
        Write($"{name}/config.json", "{}"u8);
        Write($"{name}/model.safetensors", "weights"u8);
        return this[name];
    }

    /// <summary>A command that behaves as the given shell lines say; the pack destination is <c>$6</c>.</summary>
    [UnsupportedOSPlatform("windows")]
    public string WriteNpm(string lines)
    {
        var path = Write("npm", System.Text.Encoding.UTF8.GetBytes("#!/bin/sh\n" + lines + "\n"));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    /// <summary>All files, relative to the folder.</summary>
    public IReadOnlyList<string> Files(string below = "") => Directory.Exists(this[below])
        ? [.. Directory.EnumerateFiles(this[below], "*", SearchOption.AllDirectories).Select(file => System.IO.Path.GetRelativePath(this[below], file)).Order(StringComparer.Ordinal)]
        : [];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
