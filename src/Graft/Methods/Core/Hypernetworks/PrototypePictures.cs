using Graft.Torch;

namespace Graft.Methods.Core.Hypernetworks;

/// <summary>Pictures of prototypes: how alike they are, how near rows lie to them, and both in a plane. Stateless and thread-safe.</summary>
internal static class PrototypePictures
{
    /// <summary>What the cosines of a task's rows with a prototype are called among observations.</summary>
    /// <param name="rows">The task of the rows.</param>
    /// <param name="prototype">The task of the prototype.</param>
    public static string Observed(string rows, string prototype) => $"shared.retriever.cosine.{rows}.{prototype}";

    /// <summary>Heat maps: cosines among prototypes, and of rows with them where those were observed.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="prototypes">[E] each, in the order of its tasks.</param>
    /// <param name="observed">Means over the rows of dev, by name.</param>
    public static IReadOnlyList<MethodPicture> Of(Adapter adapter, IReadOnlyList<Tensor> prototypes, IReadOnlyDictionary<string, double> observed)
    {
        var tasks = adapter.Tasks;
        if (tasks.Count < 2)
        {
            return [];
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var vectors = Unit(prototypes);
        var alike = vectors.MatMul(vectors.Transpose(0, 1)).Contiguous().ToArray<double>();
        List<HeatMapCell> near =
        [
            .. from rows in tasks from prototype in tasks where observed.ContainsKey(Observed(rows, prototype))
               select new HeatMapCell(prototype, rows, observed[Observed(rows, prototype)]),
        ];
        List<MethodPicture> pictures =
        [
            new HeatMap(
                "How alike the prototypes are", "The cosine of each two tasks' prototypes: 1 for the same direction, 0 for unrelated ones.",
                "prototype", "prototype", "cosine",
                [.. from a in Enumerable.Range(0, tasks.Count) from b in Enumerable.Range(0, tasks.Count) select new HeatMapCell(tasks[b], tasks[a], alike[(a * tasks.Count) + b])]),
        ];
        if (near.Count > 0)
        {
            pictures.Add(new HeatMap(
                "How near rows lie to the prototypes", "The mean cosine of the rows of dev of a task (down) with each prototype (across); the own one should be the largest.",
                "prototype", "rows of", "mean cosine", near));
        }

        return pictures;
    }

    /// <summary>
    /// Prototypes and rows as points of the plane through the origin in which the prototypes, of length 1, spread most. Its axes are combinations of the
    /// prototypes, <c>b = Σ α_i k_i</c>, so that a row's coordinate <c>z · b = Σ α_i c_i</c> follows from its cosines.
    /// </summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="prototypes">[E] each, in the order of its tasks.</param>
    /// <param name="rows">Each task's rows, as cosines with every prototype.</param>
    public static IReadOnlyList<MethodPicture> Plane(Adapter adapter, IReadOnlyList<Tensor> prototypes, IReadOnlyList<(string Task, double[][] Cosines)> rows)
    {
        var tasks = adapter.Tasks;
        if (tasks.Count < 2)
        {
            return [];
        }

        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var vectors = Unit(prototypes);
        var alike = vectors.MatMul(vectors.Transpose(0, 1));
        var axes = Axes(vectors);
        var known = alike.MatMul(axes.Transpose(0, 1)).Contiguous().ToArray<double>();
        var shares = axes.Contiguous().ToArray<double>();
        List<ScatterPoint> points = [.. tasks.Select((task, i) => new ScatterPoint(known[2 * i], known[(2 * i) + 1], $"prototype of {task}", task, Marked: true))];
        foreach (var (task, cosines) in rows)
        {
            points.AddRange(cosines.Select((row, i) => new ScatterPoint(At(row, 0), At(row, 1), $"row {i + 1} of {task}", task)));
        }

        return
        [
            new Scatter(
                "Prototypes and rows in a plane",
                "Rows of dev and prototypes, both of length 1, projected on the plane in which the prototypes spread most (principal components); a row should lie at the prototype of its colour.",
                "first component", "second component", points),
        ];

        double At(double[] row, int axis) => row.Select((cosine, i) => cosine * shares[(axis * tasks.Count) + i]).Sum();
    }

    /// <summary>The shares α of the prototypes in two orthonormal axes, [2, T].</summary>
    private static Tensor Axes(Tensor vectors)
    {
        // Of two points one axis is their difference; a second needs the origin as well.
        var centered = vectors.Size(0) > 2 ? vectors - vectors.Mean(0, keep: true) : vectors;
        var (u, s, _) = centered.Svd();
        var shares = u.Transpose(0, 1).Narrow(0, 0, 2) / s.Narrow(0, 0, 2).Clamp(1e-12).Unsqueeze(1);
        return vectors.Size(0) > 2 ? shares - shares.Mean(1, keep: true) : shares;
    }

    private static Tensor Unit(IReadOnlyList<Tensor> prototypes)
    {
        var vectors = Tensor.Stack([.. prototypes.Select(p => p.Detach().To(DType.Float64).To(Device.Cpu))], 0);
        return vectors / vectors.Norm(1, keep: true).Clamp(1e-12);
    }
}
