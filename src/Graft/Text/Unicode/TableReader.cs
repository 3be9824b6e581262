namespace Graft.Text.Unicode;

/// <summary>Reads the variable-length numbers of <c>unicode.bin</c>. Thread contract: one thread.</summary>
internal ref struct TableReader(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _at;

    public int ReadNumber()
    {
        var value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var b = _bytes[_at++];
            value |= (b & 127) << shift;
            if (b < 128)
            {
                return value;
            }
        }
    }

    public string ReadAscii()
    {
        var length = ReadNumber();
        var text = System.Text.Encoding.ASCII.GetString(_bytes.Slice(_at, length));
        _at += length;
        return text;
    }

    public Dictionary<int, int[]> ReadMap()
    {
        var count = ReadNumber();
        var map = new Dictionary<int, int[]>(count);
        var codePoint = 0;
        for (var i = 0; i < count; i++)
        {
            codePoint += ReadNumber();
            var target = new int[ReadNumber()];
            for (var j = 0; j < target.Length; j++)
            {
                target[j] = ReadNumber();
            }

            map[codePoint] = target;
        }

        return map;
    }
}
