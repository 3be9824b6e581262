using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>
/// A bottleneck whose weights were generated: <c>B(x) = U φ(D x + b_D) + b_U</c>, and with a generated norm <c>LN(B(x); γ, β)</c>, ε = 1e-5.
/// The tensors live as long as the pass they were generated for.
/// </summary>
/// <param name="Down">D, [M, W].</param>
/// <param name="DownBias">b_D, [M].</param>
/// <param name="Up">U, [W, M].</param>
/// <param name="UpBias">b_U, [W].</param>
/// <param name="Gain">γ, [W]; null without a norm.</param>
/// <param name="Bias">β, [W]; null without a norm.</param>
internal sealed record GeneratedBottleneck(Tensor Down, Tensor DownBias, Tensor Up, Tensor UpBias, Tensor? Gain, Tensor? Bias)
{
    /// <summary>Computes the branch, without a residual.</summary>
    /// <param name="x">[B, T, W], of any floating type.</param>
    /// <param name="activation">φ.</param>
    /// <returns>[B, T, W], of the generated weights' type.</returns>
    public Tensor Forward(Tensor x, Func<Tensor, Tensor> activation)
    {
        var up = F.Linear(activation(F.Linear(x.To(Down.DType), Down, DownBias)), Up, UpBias);
        return Gain is null ? up : F.LayerNorm(up, Gain, Bias);
    }

    /// <summary>The weights by the keys that an ordinary bottleneck adapter calls them by.</summary>
    public IEnumerable<(string Key, Tensor Value)> Named()
    {
        yield return ("down.weight", Down);
        yield return ("down.bias", DownBias);
        yield return ("up.weight", Up);
        yield return ("up.bias", UpBias);
        if (Gain is not null)
        {
            yield return ("norm_after.weight", Gain);
            yield return ("norm_after.bias", Bias!);
        }
    }
}

/// <summary>What a hypernetwork generated for some tasks: one bottleneck for each task and place. Thread contract: of one pass.</summary>
internal sealed class GeneratedBottlenecks
{
    private readonly Dictionary<string, GeneratedBottleneck[]> _byTask = new(StringComparer.Ordinal);

    /// <summary>The bottleneck of a task at a place.</summary>
    /// <param name="task">The task.</param>
    /// <param name="place">The place's number.</param>
    public GeneratedBottleneck At(string task, int place) => _byTask[task][place];

    /// <summary>Adds what was generated for a task.</summary>
    /// <param name="task">The task.</param>
    /// <param name="places">The bottlenecks, by place.</param>
    public void Add(string task, GeneratedBottleneck[] places) => _byTask.Add(task, places);
}

/// <summary>A hypernetwork: it generates the bottlenecks of all its places for any of its tasks.</summary>
internal interface IBottleneckSource
{
    /// <summary>Generates the bottlenecks of some tasks.</summary>
    /// <param name="tasks">Different tasks of the adapter.</param>
    GeneratedBottlenecks Generate(IReadOnlyList<string> tasks);
}
