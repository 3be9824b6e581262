using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>Where a generated bottleneck acts.</summary>
internal enum GeneratedPlacement
{
    /// <summary>Beside the sublayer, on its input u: <c>a' = a + B(u)</c>.</summary>
    Parallel,

    /// <summary>After the sublayer and before its dropout, on its output: <c>a' = drop(a + B(a))</c>.</summary>
    Serial,
}

/// <summary>A bottleneck that a hypernetwork generated for the pass, for the task of each group of rows. It has no parameters of its own.</summary>
/// <param name="source">The hypernetwork, under which the pass holds what it generated.</param>
/// <param name="place">The number of this place.</param>
/// <param name="activation">The activation between the projections.</param>
/// <param name="placement">Where it acts.</param>
internal sealed class GeneratedPart(IBottleneckSource source, int place, Func<Tensor, Tensor> activation, GeneratedPlacement placement) : HiddenPart
{
    /// <summary>The hypernetwork.</summary>
    public IBottleneckSource Source => source;

    /// <summary>The number of this place.</summary>
    public int Place => place;

    public override HiddenHooks Hooks => placement == GeneratedPlacement.Parallel ? HiddenHooks.Parallel : HiddenHooks.Inner;

    public override Tensor? Parallel(RowGroup rows, Tensor input) => placement == GeneratedPlacement.Parallel ? Branch(rows, input) : null;

    public override Tensor Inner(RowGroup rows, Tensor output) =>
        placement == GeneratedPlacement.Serial ? output + Branch(rows, output) : output;

    private Tensor Branch(RowGroup rows, Tensor x) =>
        rows.Pass.Get<GeneratedBottlenecks>(source).At(rows.Task!, place).Forward(x, activation).To(x.DType);
}

/// <summary>What methods with hypernetworks do alike.</summary>
internal static class Hypernetworks
{
    /// <summary>Generates each pass's bottlenecks before the backbone runs, once for every task of the batch.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="source">The hypernetwork.</param>
    public static void GenerateOncePerTask(this AdapterBuilder builder, IBottleneckSource source) => builder.Prepare((pass, groups) =>
        pass.Set(source, source.Generate([.. groups.Select(g => g.Task!).Distinct(StringComparer.Ordinal)])));

    /// <summary>A vector for each task of the adapter, kept in the task's own file.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="key">What the vector is called.</param>
    /// <param name="make">Makes an initial vector.</param>
    /// <exception cref="GraftException">The adapter holds no tasks, since it is another method's.</exception>
    public static IReadOnlyDictionary<string, TaskVector> TaskVectors(this AdapterBuilder builder, string key, Func<Tensor> make) => builder.Tasks.Count > 0
        ? builder.Tasks.ToDictionary(t => t, t => builder.OfTask(t, key, new TaskVector(make())), StringComparer.Ordinal)
        : throw new GraftException("A method with a hypernetwork holds tasks that share it, and cannot be a part of another method's adapter; train it alone.");

    /// <summary>
    /// An adapter of a bottleneck method that computes for its rows what <paramref name="adapter"/> computes for those of one task: generated
    /// weights are computed once, everything else that all tasks share keeps its name.
    /// </summary>
    /// <param name="adapter">An adapter with generated parts.</param>
    /// <param name="task">One of its tasks.</param>
    /// <param name="backbone">The backbone of both.</param>
    /// <param name="method">The name of the method to write as.</param>
    /// <param name="config">Its settings; where its bottlenecks are wider, the rest is zero.</param>
    public static Adapter Export(Adapter adapter, string task, Backbone backbone, string method, PeftConfig config)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var values = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value, StringComparer.Ordinal);
        foreach (var parts in adapter.PartsByKey.Where(p => p.Part is GeneratedPart).GroupBy(p => ((GeneratedPart)p.Part).Source))
        {
            var generated = parts.Key.Generate([task]);
            foreach (var (site, part) in parts)
            {
                foreach (var (key, value) in generated.At(task, ((GeneratedPart)part).Place).Named())
                {
                    values[$"{site}.{key}"] = value;
                }
            }
        }

        return StandaloneAdapter.Of(method, config, task, backbone, values);
    }
}
