using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>A value that parts of an adapter showed, over the rows of an evaluation; a row's value is the mean of its numbers. Immutable.</summary>
/// <param name="Mean">The mean over rows.</param>
/// <param name="Deviation">The standard deviation over rows (of all of them, not a sample's).</param>
/// <param name="Rows">The number of rows.</param>
public sealed record ObservedValue(double Mean, double Deviation, int Rows)
{
    /// <summary>Values by name as JSON: <c>mean</c> and <c>deviation</c> to six digits, null where they are not finite.</summary>
    /// <param name="values">The values by name.</param>
    public static JsonObject ToJson(IReadOnlyDictionary<string, ObservedValue> values) => new(values.Select(v =>
        KeyValuePair.Create(v.Key, (JsonNode?)new JsonObject { ["mean"] = Number(v.Value.Mean), ["deviation"] = Number(v.Value.Deviation) })));

    private static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(Math.Round(value, 6)) : null;
}

/// <summary>Gathers what passes showed. Thread contract: one thread.</summary>
internal sealed class ObservedSums
{
    // Names in the order in which the first pass showed them: that of the layers.
    private readonly List<string> _names = [];
    private readonly Dictionary<string, List<double>> _rows = new(StringComparer.Ordinal);

    /// <summary>Whether nothing was shown so far.</summary>
    public bool IsEmpty => _names.Count == 0;

    public void Add(IReadOnlyDictionary<string, IReadOnlyList<Observation>> observations)
    {
        foreach (var (name, seen) in observations)
        {
            if (!_rows.TryGetValue(name, out var rows))
            {
                _names.Add(name);
                _rows.Add(name, rows = []);
            }

            foreach (var value in seen.Select(o => o.Value))
            {
                rows.AddRange(value.To(DType.Float64).Reshape(value.Size(0), -1).Mean(1).To(Device.Cpu).ToArray<double>());
            }
        }
    }

    public IReadOnlyDictionary<string, ObservedValue> Values() => _names.ToDictionary(n => n, n => Value(_rows[n]), StringComparer.Ordinal);

    private static ObservedValue Value(List<double> rows)
    {
        var mean = rows.Average();
        return new ObservedValue(mean, Math.Sqrt(rows.Average(r => (r - mean) * (r - mean))), rows.Count);
    }
}
