using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Bottlenecks;

/// <summary>
/// The bottleneck of one sublayer: <c>A(u) = g(u) · drop(s · (U φ(D u + b_D) + b_U))</c> with scaling s and gate g. Sequential, with the
/// sublayer's output a and residual x: <c>a' = r + A(u)</c>, where u is a or <c>LN(a + x)</c> and r is a, a + x or u. Parallel: <c>a' = a + A(u)</c>
/// with the sublayer's input u.
/// </summary>
internal sealed class BottleneckPart : HiddenPart
{
    private readonly BottleneckConfig _config;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Projection _down;
    private readonly Projection _up;
    private readonly Gate? _gate;
    private readonly Parameter? _scaling;
    private readonly OwnNorm? _normBefore;
    private readonly OwnNorm? _normAfter;

    public BottleneckPart(HiddenSite site, BottleneckConfig config, Projection down, Projection up, Rng rng)
    {
        _config = config;
        _activation = Activations.Get(config.Activation);
        _down = AddChild("down", down);
        _up = AddChild("up", up);
        _gate = Gate.Create(site.Path + ".gate", site.Width, config.Gate, rng) is { } gate ? AddChild("gate", gate) : null;
        _scaling = config.Scaling.Count(site.Width) is > 0 and var count ? AddParameter("scaling", Tensor.Ones([count])) : null;
        _normBefore = config.OwnNormBefore ? AddChild("norm_before", new OwnNorm(site.Width)) : null;
        _normAfter = config.OwnNormAfter ? AddChild("norm_after", new OwnNorm(site.Width)) : null;
    }

    public override bool ReadsPadding => _gate is { ReadsPadding: true };

    public override HiddenHooks Hooks => _config.Parallel ? HiddenHooks.Parallel
        : _config.NormBefore ? HiddenHooks.After | HiddenHooks.ReadsNorm : HiddenHooks.After;

    public override bool EndsSublayer => !_config.NormAfter;

    public override Tensor? Parallel(RowGroup rows, Tensor input)
    {
        if (!_config.Parallel)
        {
            return null;
        }

        var branch = Branch(rows, input);
        return (_normAfter is null ? branch : _normAfter.Forward(branch)).To(input.DType);
    }

    public override Tensor After(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm)
    {
        if (_config.Parallel)
        {
            return output;
        }

        var (input, added) = Enter(rows, output, residual, norm);
        var branch = Branch(rows, input);
        if (_normAfter is null)
        {
            return added + branch.To(output.DType);
        }

        return _config.ResidualBeforeOwnNorm
            ? _normAfter.Forward(branch + added.To(branch.DType)).To(output.DType)
            : added + _normAfter.Forward(branch).To(output.DType);
    }

    /// <summary>What a sequential adapter reads, and what its output is added to.</summary>
    public (Tensor Input, Tensor Added) Enter(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm)
    {
        if (!_config.NormBefore)
        {
            return (output, output);
        }

        var sum = output + residual;
        var input = norm is null ? sum : norm(rows, sum);
        return (input, _config.Residual switch
        {
            BottleneckResidual.Sum => sum,
            BottleneckResidual.Input => input,
            _ => output,
        });
    }

    /// <summary>The adapter's branch A(u), [B, T, W], of its parameters' type.</summary>
    private Tensor Branch(RowGroup rows, Tensor input)
    {
        var up = AdapterPass.Dropout(rows.Pass, Up(rows, input), _config.Dropout);
        return _gate is null ? up : up * rows.PerToken(_gate.Forward(rows, input));
    }

    /// <summary>The scaled up-projection, before dropout and gate, [B, T, W], of the parameters' type.</summary>
    public Tensor Up(RowGroup rows, Tensor input)
    {
        var x = input.To(_down.DType);
        var up = _up.Forward(rows, _activation(_down.Forward(rows, _normBefore is null ? x : _normBefore.Forward(x))));
        if (rows.Pass.Training && _config.StochasticDepth > 0)
        {
            var kept = 1 - _config.StochasticDepth;
            up *= rows.PerToken(rows.Pass.Rng!.Bernoulli([rows.Count, 1, 1], kept, up.DType) / kept);
        }

        return _scaling is not null ? up * _scaling : _config.Scaling.Factor == 1 ? up : up * _config.Scaling.Factor;
    }
}
