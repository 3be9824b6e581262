using Graft.Backbones;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>Makes the ordinary adapter that computes what a task of another one computes (<see cref="PeftMethod.Standalone"/>). Stateless.</summary>
internal static class StandaloneAdapter
{
    /// <summary>An adapter of an ordinary method with given values.</summary>
    /// <param name="method">The ordinary method's name.</param>
    /// <param name="config">Its settings.</param>
    /// <param name="task">The task, by which the adapter is called.</param>
    /// <param name="backbone">The backbone.</param>
    /// <param name="values">The values of all its parameters by path; copied. Where a bottleneck is narrower than the parameter, zeros fill it up.</param>
    /// <returns>A new adapter that the caller disposes.</returns>
    /// <exception cref="InvalidOperationException">A parameter has no value: a fault of the method that is exported.</exception>
    public static Adapter Of(string method, PeftConfig config, string task, Backbone backbone, IReadOnlyDictionary<string, Tensor> values)
    {
        using var rng = new Rng(0, Device.Cpu);
        var adapter = PeftMethods.Get(method).Attach(backbone, task, config, rng);
        try
        {
            foreach (var (path, parameter) in adapter.NamedParameters())
            {
                parameter.Assign(values.TryGetValue(path, out var value) ? Filled(value, parameter.Value) : throw new InvalidOperationException(
                    $"The {method} adapter of the task '{task}' needs '{path}', for which there is no value."));
            }

            return adapter;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    // Zero rows of D and columns of U leave what a bottleneck computes as it is, whatever the activation gives there.
    private static Tensor Filled(Tensor value, Tensor target)
    {
        if (value.Shape.SequenceEqual(target.Shape) || value.Rank != target.Rank)
        {
            return value;
        }

        using var frozen = Autograd.NoGrad();
        var whole = target.ZerosLike();
        var part = whole;
        for (var d = 0; d < value.Rank; d++)
        {
            part = part.Narrow(d, 0, value.Size(d));
        }

        part.Copy_(value);
        return whole;
    }
}
