using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>Pictures of prototypes: how alike they are, how near rows lie to them, and all of them in a plane. Stateless and thread-safe.</summary>
internal static class PrototypePictures
{
    /// <summary>What the cosines of a task's rows with a prototype are called among observations.</summary>
    /// <param name="rows">The task of the rows.</param>
    /// <param name="prototype">The task of the prototype.</param>
    public static string Observed(string rows, string prototype) => $"shared.retriever.cosine.{rows}.{prototype}";

    /// <summary>The pictures of an adapter.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="prototypes">[E] each, by task.</param>
    /// <param name="observed">Means over the rows of dev, by name.</param>
    public static IReadOnlyList<MethodPicture> Of(
        Adapter adapter, IReadOnlyDictionary<string, Tensor> prototypes, IReadOnlyDictionary<string, double> observed)
    {
        if (adapter.Tasks.Count < 2)
        {
            return [];
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var tasks = adapter.Tasks;
        var vectors = Tensor.Stack([.. tasks.Select(t => prototypes[t].Detach().To(DType.Float64).To(Device.Cpu))], 0);
        var alike = ContrastiveLosses.Cosines(vectors, vectors).Contiguous().ToArray<double>();
        List<MethodPicture> pictures =
        [
            new HeatMap(
                "How alike the prototypes are", "The cosine of each two tasks' prototypes: 1 for the same direction, 0 for unrelated ones.",
                "prototype", "prototype", "cosine",
                [.. from a in Enumerable.Range(0, tasks.Count) from b in Enumerable.Range(0, tasks.Count) select new HeatMapCell(tasks[b], tasks[a], alike[(a * tasks.Count) + b])]),
        ];
        List<HeatMapCell> near =
        [
            .. from rows in tasks from prototype in tasks where observed.ContainsKey(Observed(rows, prototype))
               select new HeatMapCell(prototype, rows, observed[Observed(rows, prototype)]),
        ];
        if (near.Count > 0)
        {
            pictures.Add(new HeatMap(
                "How near rows lie to the prototypes", "The mean cosine of the rows of dev of a task (down) with each prototype (across); the own one should be the largest.",
                "prototype", "rows of", "mean cosine", near));
        }

        return pictures;
    }
}
