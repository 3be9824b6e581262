using System.Security.Cryptography;
using System.Text;

namespace Graft.Formats.Sources;

/// <summary>Hashes of files, in lower-case hexadecimal.</summary>
internal static class FileHash
{
    /// <summary>The SHA-256 of a file's bytes.</summary>
    public static string Sha256(string path)
    {
        using var stream = File.OpenRead(path);
        return Sha256(stream);
    }

    /// <summary>The SHA-256 of all bytes of a stream.</summary>
    public static string Sha256(Stream stream)
    {
        stream.Position = 0;
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    /// <summary>The SHA-1 that git gives to a stream's bytes as a blob object.</summary>
    public static string GitBlob(Stream stream)
    {
        stream.Position = 0;
#pragma warning disable CA5350 // git names its objects by SHA-1; this checks a download, it guards no secret
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {stream.Length}\0"));
        var buffer = new byte[1 << 16];
        int read;
        while ((read = stream.Read(buffer)) > 0)
        {
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
