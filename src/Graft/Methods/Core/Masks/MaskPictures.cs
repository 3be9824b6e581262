using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core.Masks;

/// <summary>Pictures of masks: how far those of layers and of tasks agree, how dense they are together, and how often entries are used.</summary>
internal static class MaskPictures
{
    private const string Chance = "|A ∧ B| / |A ∨ B| of the entries that two masks keep: 1 for equal masks, k / (2 - k) for masks that keep a fraction k at random.";

    /// <summary>The pictures of every prototype of an adapter that has masks.</summary>
    /// <param name="adapter">The adapter.</param>
    public static IReadOnlyList<MethodPicture> Of(Adapter adapter)
    {
        var prototypes = adapter.Prototypes<MaskedPrototype>().ToList();
        return [.. prototypes.SelectMany(p => Of(p.Masks, prototypes.Count > 1 ? $" ({p.Key.Replace('_', ' ')})" : ""))];
    }

    private static List<MethodPicture> Of(MaskSet masks, string suffix)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var (layers, tasks) = (masks.OfPlaces(), masks.Tasks.ToList());
        var labels = Labels(masks.Places);
        List<MethodPicture> pictures = [];
        if (layers is not null && labels.Count > 1)
        {
            pictures.Add(Overlap("layers", "layer", suffix, labels, layers));
            pictures.Add(Uses(suffix, layers));
        }

        if (tasks.Count > 1)
        {
            pictures.Add(Overlap("tasks", "task", suffix, tasks, Tensor.Cat([.. tasks.Select(t => masks.OfTask(t)!)], 0)));
        }

        if (layers is not null && tasks.Count > 0)
        {
            pictures.Add(new HeatMap(
                "How much of the prototype is in use" + suffix, "The share of its entries that a layer uses for a task, by the masks of both together.",
                "task", "layer", "share",
                [.. from task in tasks from cell in labels.Zip(MaskStatistics.Density(masks.InUse(task)!)) select new HeatMapCell(task, cell.First, cell.Second)]));
        }

        return pictures;
    }

    private static HeatMap Overlap(string owners, string axis, string suffix, IReadOnlyList<string> labels, Tensor masks)
    {
        var overlap = MaskStatistics.Overlap(masks);
        return new HeatMap(
            $"How far the masks of {owners} agree{suffix}", Chance, axis, axis, "overlap",
            [.. from row in Enumerable.Range(0, labels.Count) from column in Enumerable.Range(0, labels.Count) select new HeatMapCell(labels[column], labels[row], overlap[row][column])]);
    }

    private static HeatMap Uses(string suffix, Tensor masks) => new(
        "How many layers use an entry" + suffix, "The share of the prototype's entries by the number of layers whose masks keep them.", "layers", "", "share",
        [.. MaskStatistics.Uses(masks).Select((share, count) => new HeatMapCell($"{count}", "entries", share))]);

    /// <summary>Blocks, and sublayers where one block has several.</summary>
    private static List<string> Labels(IReadOnlyList<Site> places)
    {
        var blocks = places.Select(SitePictures.Block).ToList();
        return blocks.Distinct(StringComparer.Ordinal).Count() == blocks.Count
            ? blocks
            : [.. places.Select((p, i) => $"{blocks[i]} {SitePictures.Role(p.Sublayer)}")];
    }
}
