namespace Graft.Text.Models;

/// <summary>The tokens of a model and their ids, both ways. Thread contract: immutable.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> _ids;
    private readonly string?[] _dense;
    private readonly Dictionary<int, string>? _sparse;

    /// <summary>A vocabulary of the ids; <paramref name="count"/> tells the size of one that lists a token twice.</summary>
    public Vocabulary(Dictionary<string, int> ids, int? count = null)
    {
        Count = count ?? ids.Count;
        _ids = ids;
        var largest = -1;
        foreach (var id in ids.Values)
        {
            largest = Math.Max(largest, id);
        }

        if (largest < (ids.Count * 8L) + 1024)
        {
            _dense = new string?[largest + 1];
            foreach (var (token, id) in ids)
            {
                _dense[id] = token;
            }
        }
        else
        {
            _dense = [];
            _sparse = [];
            foreach (var (token, id) in ids)
            {
                _sparse[id] = token;
            }
        }
    }

    public int Count { get; }

    public IEnumerable<KeyValuePair<string, int>> Entries => _ids;

    public int IdOf(string token) => _ids.GetValueOrDefault(token, -1);

    public int IdOf(ReadOnlySpan<char> token) => _ids.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(token, out var id) ? id : -1;

    public string? TokenOf(int id) =>
        _sparse is not null ? _sparse.GetValueOrDefault(id) : (uint)id < (uint)_dense.Length ? _dense[id] : null;
}
