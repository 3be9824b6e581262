using Graft.Backbones;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>A module whose parameters were left out of the stored form, and can begin again from what is stored.</summary>
internal interface IRestored
{
    /// <summary>Values of its parameters with which it computes what the stored form computes, by their keys below it.</summary>
    /// <param name="stored">The stored values below it, by key.</param>
    IEnumerable<(string Key, Tensor Value)> Restore(Func<string, Tensor> stored);
}

/// <summary>
/// The form of a stored adapter that can be trained where the stored one only computes, the counterpart of <see cref="CompactForm"/>: outputs are
/// the same, and what training alone knew, such as the sizes of scores, begins anew.
/// </summary>
public static class TrainingForm
{
    /// <summary>The adapter with the settings of <see cref="PeftMethod.Trainable"/>.</summary>
    /// <param name="adapter">The adapter; not changed.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <returns>A new adapter, or <paramref name="adapter"/> itself where all of it can be trained; the caller disposes only a new one.</returns>
    public static Adapter Of(Adapter adapter, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        var config = adapter.Method.Trainable(adapter.Config);
        if (config == adapter.Config)
        {
            return adapter;
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(0, Device.Cpu);
        var trainable = adapter.Method.Attach(backbone, adapter.Name, config, rng, adapter.Tasks);
        try
        {
            var values = CompactForm.State(adapter).ToDictionary(s => s.Path, s => s.Value, StringComparer.Ordinal);
            foreach (var (owner, module) in trainable.SharedByKey.ToList())
            {
                foreach (var (key, value) in (module as IRestored)?.Restore(key => values[$"{owner}.{key}"]).ToList() ?? [])
                {
                    values[$"{owner}.{key}"] = value;
                }
            }

            CompactForm.Fill(trainable, adapter, values, path => $"{adapter.Method.Name} trains '{path}', which its stored form neither has nor restores.");
            return trainable;
        }
        catch
        {
            trainable.Dispose();
            throw;
        }
    }
}
