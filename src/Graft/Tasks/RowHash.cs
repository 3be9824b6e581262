using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Graft.Tasks;

/// <summary>Identifies rows by what they hold: texts and targets in their order, not the files they came from. Thread-safe.</summary>
internal static class RowHash
{
    /// <summary>SHA-256 over the rows, every text with its length in front, as hexadecimal digits.</summary>
    /// <param name="rows">The rows.</param>
    public static string Of(IEnumerable<Example> rows)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows)
        {
            Append(row.Text);
            Append(row.Pair);
            Append($"{row.Label} {row.Score} {string.Join(' ', row.Labels)}");
            foreach (var answer in row.Answers)
            {
                Append(answer.Text);
                Append($"{answer.Start}");
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(string? text)
        {
            Span<byte> length = stackalloc byte[sizeof(int)];
            var bytes = text is null ? [] : Encoding.UTF8.GetBytes(text);
            BinaryPrimitives.WriteInt32LittleEndian(length, text is null ? -1 : bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
    }
}
