namespace Graft.Torch.Tests;

/// <summary>A folder that goes away with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("graft-").FullName;

    public string File(string name) => Path.Combine(_path, name);

    public string[] Files() => Directory.GetFiles(_path);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
