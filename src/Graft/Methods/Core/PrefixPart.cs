using System.Text.Json;
using System.Text.Json.Serialization;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>How the parameters of virtual tokens start.</summary>
[JsonConverter(typeof(PrefixInitJson))]
public enum PrefixInit
{
    /// <summary>N(0, 0.02), biases zero: the code of UniPELT's authors.</summary>
    Normal,

    /// <summary>PyTorch's defaults, N(0, 1) for embeddings and ±1/√inputs for linear maps: AdapterHub and HF PEFT. Generated keys then are some 50 times larger.</summary>
    Torch,
}

/// <summary>Ways to start by their names in lower case.</summary>
internal sealed class PrefixInitJson() : JsonStringEnumConverter<PrefixInit>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>
/// Virtual keys and values of one attention, [P, H·D] each, the same for every row but for a gate that multiplies both; the tokens' own keys
/// and values stay as they are.
/// </summary>
internal abstract class PrefixPart : KeyValuePart
{
    private readonly int _heads;
    private readonly int _headSize;
    private readonly double _dropout;
    private readonly Gate? _gate;

    protected PrefixPart(KeyValueSite site, GateMode gate, double dropout, Rng rng)
    {
        (_heads, _headSize, _dropout) = (site.Heads, site.HeadSize, dropout);
        _gate = Gate.Create(site.Path + ".gate", site.Width, gate, rng);
        if (_gate is not null)
        {
            AddChild("gate", _gate);
        }
    }

    /// <summary>Shifts the positions of every row that uses the adapter.</summary>
    public static void ShiftPositions(AdapterBuilder builder, int positions) => builder.Prepare((_, groups) =>
    {
        foreach (var group in groups)
        {
            group.ShiftPositions(positions);
        }
    });

    public override bool ReadsPadding => _gate is { ReadsPadding: true };

    public override KeyValuePrefix Prefix(RowGroup rows, Tensor hidden)
    {
        var (keys, values) = Vectors(rows);
        var gate = _gate?.Forward(rows, hidden).Unsqueeze(3);
        return new KeyValuePrefix(Heads(keys), Heads(values));

        Tensor Heads(Tensor vectors)
        {
            var heads = vectors.View(-1, _heads, _headSize).Transpose(0, 1).Unsqueeze(0).Expand(rows.Count, -1, -1, -1);
            var dropped = AdapterPass.Dropout(rows.Pass, heads, _dropout);
            return (gate is null ? dropped : dropped * gate).To(hidden.DType);
        }
    }

    /// <summary>The keys and values for these rows in their pass, [P, H·D] each.</summary>
    protected abstract (Tensor Keys, Tensor Values) Vectors(RowGroup rows);
}

/// <summary>A prefix whose keys and values are parameters.</summary>
internal sealed class FlatPrefixPart : PrefixPart
{
    public const string KeysKey = "keys";
    public const string ValuesKey = "values";
    private readonly Parameter _keys;
    private readonly Parameter _values;

    public FlatPrefixPart(KeyValueSite site, int length, PrefixInit init, GateMode gate, double dropout, Rng rng)
        : base(site, gate, dropout, rng)
    {
        var deviation = init == PrefixInit.Torch ? 1 : 0.02;
        _keys = AddParameter(KeysKey, rng.Normal([length, site.Heads * site.HeadSize], 0, deviation));
        _values = AddParameter(ValuesKey, rng.Normal([length, site.Heads * site.HeadSize], 0, deviation));
    }

    protected override (Tensor Keys, Tensor Values) Vectors(RowGroup rows) => (_keys, _values);
}
