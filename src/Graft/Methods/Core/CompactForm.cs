using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>A part, or a module that parts share, whose values are computed from others while training, and which can be stored as the computed ones.</summary>
public interface IGenerated
{
    /// <summary>The values of its parameters and buffers in the stored form, by their keys below it.</summary>
    IEnumerable<(string Key, Tensor Value)> Generate();
}

/// <summary>The form of an adapter that packages keep: what training alone needs is left out, and outputs are the same.</summary>
public static class CompactForm
{
    /// <summary>The bits of a parameter in a package.</summary>
    internal const int BitsPerParameter = 32;

    /// <summary>
    /// The adapter with the settings of <see cref="PeftMethod.Stored"/>: parameters of the same name are copied, the others come from
    /// parts that generate them.
    /// </summary>
    /// <param name="adapter">The adapter; not changed.</param>
    /// <param name="backbone">The backbone it was attached to.</param>
    /// <returns>A new adapter, or <paramref name="adapter"/> itself where nothing can be left out; the caller disposes only a new one.</returns>
    public static Adapter Of(Adapter adapter, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        var config = adapter.Method.Stored(adapter.Config);
        if (config == adapter.Config)
        {
            return adapter;
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var values = State(adapter).ToDictionary(s => s.Path, s => s.Value, StringComparer.Ordinal);
        foreach (var (owner, module) in adapter.PartsByKey.Select(p => (p.Key, (Module)p.Part)).Concat(adapter.SharedByKey))
        {
            foreach (var (key, value) in (module as IGenerated)?.Generate() ?? [])
            {
                values[$"{owner}.{key}"] = value;
            }
        }

        using var rng = new Rng(0, Device.Cpu);
        var compact = adapter.Method.Attach(backbone, adapter.Name, config, rng, adapter.Tasks);
        try
        {
            Fill(compact, adapter, values, path => $"{adapter.Method.Name} stores '{path}', which its training form neither has nor generates.");
            return compact;
        }
        catch
        {
            compact.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The parameters that a package of an adapter keeps, without the head: by the method's formula for the settings that are stored, and
    /// beside them what is kept without being trained, which are frozen children and floating buffers that are computed with. What takes fewer
    /// bits than a parameter counts by its bits, in parameters of 32.
    /// </summary>
    /// <param name="adapter">The adapter as it was trained, or as it was stored.</param>
    /// <param name="sites">The backbone's sites.</param>
    public static long CountParameters(Adapter adapter, SiteMap sites)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        return InParameters(adapter.Method.CountStoredBits(adapter.Config, sites, Math.Max(1, adapter.Tasks.Count)))
            + adapter.Parameters().Where(p => !p.Trainable).Sum(p => p.Value.Count)
            + adapter.NamedBuffers().Where(b => b.Buffer.Kind == BufferKind.State && b.Buffer.Value.DType.IsFloating()).Sum(b => b.Buffer.Value.Count);
    }

    /// <summary>As many parameters of 32 bits as bits fill, the last perhaps in part.</summary>
    /// <param name="bits">The bits.</param>
    public static long InParameters(long bits) => (bits + BitsPerParameter - 1) / BitsPerParameter;

    /// <summary>Gives an adapter the type of another's parameters, and values by path.</summary>
    /// <param name="target">The adapter; changed.</param>
    /// <param name="source">The other one.</param>
    /// <param name="values">The values.</param>
    /// <param name="missing">What to say of a path without one.</param>
    /// <exception cref="InvalidOperationException">A path has no value: a fault of the method.</exception>
    internal static void Fill(Adapter target, Adapter source, Dictionary<string, Tensor> values, Func<string, string> missing)
    {
        if (source.Parameters().FirstOrDefault() is { } parameter)
        {
            target.ConvertTo(parameter.Value.DType);
        }

        foreach (var (path, value) in State(target))
        {
            value.Copy_(values.TryGetValue(path, out var known) ? known : throw new InvalidOperationException(missing(path)));
        }
    }

    /// <summary>Every parameter and buffer of an adapter by its path; borrowed.</summary>
    /// <param name="adapter">The adapter.</param>
    internal static IEnumerable<(string Path, Tensor Value)> State(Adapter adapter) =>
        adapter.NamedParameters().Select(p => (p.Path, p.Parameter.Value))
            .Concat(adapter.NamedBuffers().Select(b => (b.Path, b.Buffer.Value)));
}
