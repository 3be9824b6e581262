using System.Text.Json.Serialization;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Whether and how a part is scaled by a learnt gate.</summary>
[JsonConverter(typeof(GateModeJson))]
public enum GateMode
{
    /// <summary>No gate.</summary>
    None,

    /// <summary>A gate averaged over real tokens, so that padding does not change an answer.</summary>
    Masked,

    /// <summary>A gate averaged over every position, padding included, as in the papers; answers then depend on the padded length.</summary>
    Padded,
}

/// <summary>
/// UniPELT's gate: <c>g(x)[n] = mean_t σ(w · x[n, t] + b)</c>, one number in (0, 1) per row, the mean over real tokens
/// (<see cref="GateMode.Masked"/>) or over all positions (<see cref="GateMode.Padded"/>, as published). w [1, W] is N(0, 0.02), b zero. In a
/// decoder it reads the first token alone, <c>g(x)[n] = σ(w · x[n, 0] + b)</c>, whatever the mode: a mean would show a token what comes behind it.
/// Mao et al. 2022, arXiv 2110.07577, section 2.2; the pooling is that of the authors' code.
/// </summary>
public sealed class Gate : Module
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly GateMode _mode;
    private readonly string _name;

    /// <summary>Creates a gate.</summary>
    /// <param name="name">What its values are called in <see cref="AdapterPass.Observations"/>, such as <c>encoder.layer.0.attention.self.query.gate</c>.</param>
    /// <param name="width">The width W of what it reads.</param>
    /// <param name="mode">How it averages; not <see cref="GateMode.None"/>.</param>
    /// <param name="rng">The generator of the initial weight.</param>
    public Gate(string name, int width, GateMode mode, Rng rng)
    {
        (_name, _mode) = (name, mode);
        _weight = AddParameter("weight", rng.Normal([1, width], 0, 0.02));
        _bias = AddParameter("bias", Tensor.Zeros([1], DType.Float32, Device.Cpu));
    }

    /// <summary>The gate, or null where <paramref name="mode"/> asks for none.</summary>
    /// <inheritdoc cref="Gate(string, int, GateMode, Rng)"/>
    public static Gate? Create(string name, int width, GateMode mode, Rng rng) =>
        mode == GateMode.None ? null : new Gate(name, width, mode, rng);

    /// <summary>The number of parameters of a gate: <c>W + 1</c>, or none.</summary>
    /// <param name="width">The width W of what it reads.</param>
    /// <param name="mode">The mode.</param>
    public static long Count(int width, GateMode mode) => mode == GateMode.None ? 0 : width + 1;

    /// <summary>Whether it reads padding; a part with such a gate says so too.</summary>
    public bool ReadsPadding => _mode == GateMode.Padded;

    /// <summary>Computes the gate of each row and shows it among the observations of the pass.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="x">[B, T, W], or [1, n, W] packed; floating, virtual tokens included.</param>
    /// <returns>[B, 1, 1] in (0, 1), of the type of the gate's parameters.</returns>
    public Tensor Forward(RowGroup rows, Tensor x)
    {
        if (rows.Pass.IsCausal)
        {
            return rows.Once(this, () => Shown(rows, Open(x.Narrow(1, 0, 1))));
        }

        if (ReadsPadding && rows.Pass.Packing is not null)
        {
            throw new InvalidOperationException($"The gate '{_name}' reads padding, which this pass has left out; its part must say so by {nameof(Part.ReadsPadding)}.");
        }

        return Shown(rows, ReadsPadding ? Open(x).Mean(1, keep: true) : rows.TokenMean(Open(x)));
    }

    private Tensor Open(Tensor x) => F.Linear(x.To(_weight.Value.DType), _weight, _bias).Sigmoid();

    private Tensor Shown(RowGroup rows, Tensor gate)
    {
        rows.Pass.Observe(_name, rows, gate);
        return gate;
    }
}

/// <summary>The modes of a gate by their names in lower case.</summary>
internal sealed class GateModeJson() : JsonStringEnumConverter<GateMode>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
