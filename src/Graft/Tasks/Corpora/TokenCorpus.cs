using System.Runtime.InteropServices;
using Graft.Torch;
using Microsoft.Win32.SafeHandles;

namespace Graft.Tasks.Corpora;

/// <summary>A text as tokens. Immutable.</summary>
/// <param name="Ids">The ids, special ones included.</param>
/// <param name="Segments">The segment of each.</param>
internal sealed record CorpusItem(int[] Ids, int[] Segments);

/// <summary>
/// Texts as tokens in a file, of which only lengths and places are in memory: items are read from the file when they are asked for, so that a corpus may
/// be larger than memory. <see cref="TokenCorpusWriter"/> writes the file. Thread-safe.
/// </summary>
internal sealed class TokenCorpus : IDisposable
{
    /// <summary>What a file begins with.</summary>
    internal const string Magic = "graft corpus 2\n";

    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly long[] _starts;
    private readonly int[] _seconds;
    private readonly (int File, int Line)[] _places;
    private readonly string[] _files;

    private TokenCorpus(SafeFileHandle file, string path, int[] lengths, int[] seconds, (int File, int Line)[] places, string[] files, string identity)
    {
        (_file, _path, Lengths, _seconds, _places, _files, Identity) = (file, path, lengths, seconds, places, files, identity);
        _starts = new long[lengths.Length];
        for (var i = 1; i < lengths.Length; i++)
        {
            _starts[i] = _starts[i - 1] + lengths[i - 1];
        }
    }

    /// <summary>What the tokens were made of.</summary>
    public string Identity { get; }

    /// <summary>The number of items.</summary>
    public int Count => Lengths.Count;

    /// <summary>The number of tokens of each item, special ones included.</summary>
    public IReadOnlyList<int> Lengths { get; }

    /// <summary>The number of tokens of all items.</summary>
    public long Tokens => Count == 0 ? 0 : _starts[^1] + Lengths[^1];

    /// <summary>The number of items that were longer than the model reads and lost their end.</summary>
    public int CutItems { get; private init; }

    /// <summary>The number of items that were left out, as nothing of them can be taken out.</summary>
    public int UnknownItems { get; private init; }

    /// <summary>Opens a file; null where there is none with this identity.</summary>
    /// <param name="path">The file.</param>
    /// <param name="identity">What the tokens have to be made of.</param>
    public static TokenCorpus? Open(string path, string identity)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var stream = File.OpenRead(path);
            using var reader = new BinaryReader(stream);
            if (reader.ReadString() != Magic || reader.ReadString() != identity)
            {
                return null;
            }

            var first = stream.Position + sizeof(long);
            stream.Position = reader.ReadInt64();
            var (count, cut, unknown) = (reader.ReadInt32(), reader.ReadInt32(), reader.ReadInt32());
            var (lengths, seconds, places) = (Whole(reader, count), Whole(reader, count), Whole(reader, 2 * count));
            var files = Enumerable.Range(0, reader.ReadInt32()).Select(_ => reader.ReadString()).ToArray();
            return new TokenCorpus(
                File.OpenHandle(path), path, lengths, seconds, [.. Enumerable.Range(0, count).Select(i => (places[2 * i], places[(2 * i) + 1]))], files, identity)
            {
                CutItems = cut,
                UnknownItems = unknown,
                First = first,
            };
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException or OverflowException or FormatException)
        {
            // It is made anew from the texts.
            return null;
        }
    }

    /// <summary>An item.</summary>
    /// <param name="item">Its number.</param>
    /// <exception cref="GraftException">The file was changed or can no longer be read.</exception>
    public CorpusItem Read(int item)
    {
        var ids = new int[Lengths[item]];
        var bytes = MemoryMarshal.AsBytes(ids.AsSpan());
        try
        {
            if (RandomAccess.Read(_file, bytes, First + (_starts[item] * sizeof(int))) != bytes.Length)
            {
                throw new GraftException($"The tokens '{_path}' end too early; go on with --resume, which makes them anew.");
            }
        }
        catch (IOException fault)
        {
            throw new GraftException($"The tokens '{_path}' cannot be read ({fault.Message.TrimEnd('.')}); go on with --resume.", fault);
        }

        var segments = new int[ids.Length];
        if (_seconds[item] > 0)
        {
            segments.AsSpan(_seconds[item]).Fill(1);
        }

        return new CorpusItem(ids, segments);
    }

    /// <summary>The number of the file that an item comes from.</summary>
    /// <param name="item">Its number.</param>
    public int FileNumber(int item) => _places[item].File;

    /// <summary>Where an item comes from.</summary>
    /// <param name="item">Its number.</param>
    public (string File, int Line) Place(int item) => (_files[_places[item].File], _places[item].Line);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private long First { get; init; }

    private static int[] Whole(BinaryReader reader, int count)
    {
        if (count < 0 || (long)count * sizeof(int) > reader.BaseStream.Length)
        {
            throw new FormatException("A count that the file cannot hold.");
        }

        var numbers = new int[count];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()));
        return numbers;
    }
}
