using System.IO.Compression;
using System.Text;
using Graft.Tasks;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks;

/// <summary>A temporary folder with the files of a task.</summary>
internal sealed class TaskFolder : IDisposable
{
    public const string Minimal = """{"name": "mood", "kind": "classification", "text": "text", "label": "label", "files": {"train": "train.tsv", "dev": "dev.tsv"}}""";

    public string Folder { get; } = Directory.CreateTempSubdirectory("graft-task-").FullName;

    /// <summary>The temporary folder's place as it stands in messages.</summary>
    public string this[string name] => Path.Combine(Folder, name);

    public TaskFolder With(string name, string content) => With(name, Encoding.UTF8.GetBytes(content));

    public TaskFolder With(string name, byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], content);
        return this;
    }

    public TaskFolder WithZipped(string name, string content)
    {
        using var bytes = new MemoryStream();
        using (var zip = new GZipStream(bytes, CompressionLevel.Fastest))
        {
            zip.Write(Encoding.UTF8.GetBytes(content));
        }

        return With(name, bytes.ToArray());
    }

    public TaskData Load(string json, long splitSeed = 0) => TaskFile.Load(With("a.task.json", json)["a.task.json"], splitSeed);

    /// <summary>The sentence that loading ends in, the folder's name taken out.</summary>
    public string Sentence(string json) => Sentence(() => Load(json));

    public string Sentence(Func<object?> act)
    {
        var message = Assert.Throws<GraftException>(act).Message;
        Assert.DoesNotContain('\n', message);
        Assert.Matches(@"[.?]$", message);
        return message.Replace(Folder + Path.DirectorySeparatorChar, "", StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
