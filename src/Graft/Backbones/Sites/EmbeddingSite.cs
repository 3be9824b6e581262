using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>The embedded text, to which virtual tokens may be added in front of a stack.</summary>
/// <param name="path">The checkpoint path of the embeddings.</param>
/// <param name="width">The model's width W.</param>
/// <param name="stack">The stack it belongs to.</param>
public sealed class EmbeddingSite(string path, int width, StackKind stack)
    : Site(path, SiteRole.None, SiteRole.None, stack, -1)
{
    /// <summary>The model's width W.</summary>
    public int Width { get; } = width;

    /// <summary>
    /// The text with the virtual tokens of the pass. Rows with fewer virtual tokens than another row's are padded behind their text with
    /// masked positions.
    /// </summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="text">The text so far.</param>
    /// <param name="asWords">Whether the virtual tokens that stand in for word embeddings are added, or those that join the embedding's output.</param>
    internal PromptedText Apply(AdapterPass? pass, PromptedText text, bool asWords)
    {
        if (pass is null || !pass.Groups.Any(g => Parts(g, asWords).Any()))
        {
            return text;
        }

        var groups = pass.Groups;
        var embedded = text.Embedded;
        var mask = text.Mask ?? Tensor.Ones([embedded.Size(0), embedded.Size(1)], embedded.DType, embedded.Device);
        var (rows, masks, layouts) = (new Tensor[groups.Count], new Tensor[groups.Count], new PromptLayout[groups.Count]);
        for (var g = 0; g < groups.Count; g++)
        {
            var group = groups[g];
            (rows[g], masks[g], layouts[g]) = (group.Slice(embedded), group.Slice(mask), text.Layouts?[g] ?? default);
            foreach (var part in Parts(group, asWords))
            {
                var prompt = part.Prompt(group, rows[g]);
                var count = prompt.Size(1);
                var at = layouts[g].Front + (part.AfterFirst ? 1 + layouts[g].Behind : 0);
                rows[g] = Inserted(rows[g], at, prompt);
                masks[g] = Inserted(masks[g], at, Tensor.Ones([group.Count, count], mask.DType, mask.Device));
                layouts[g] = part.AfterFirst
                    ? layouts[g] with { Behind = layouts[g].Behind + count }
                    : layouts[g] with { Front = layouts[g].Front + count };
            }
        }

        var longest = rows.Max(r => r.Size(1));
        var padded = text.Mask is not null || rows.Any(r => r.Size(1) < longest);
        for (var g = 0; g < groups.Count; g++)
        {
            if (longest - rows[g].Size(1) is > 0 and var tail)
            {
                rows[g] = Tensor.Cat([rows[g], Tensor.Zeros([groups[g].Count, tail, Width], embedded.DType, embedded.Device)], 1);
                masks[g] = Tensor.Cat([masks[g], Tensor.Zeros([groups[g].Count, tail], mask.DType, mask.Device)], 1);
            }
        }

        return new PromptedText(Tensor.Cat(rows, 0), padded ? Tensor.Cat(masks, 0) : null, text.TextLength, pass, layouts);
    }

    private IEnumerable<EmbeddingPart> Parts(RowGroup group, bool asWords) =>
        group.At(this).ToArray().Cast<EmbeddingPart>().Where(p => p.AsWords == asWords);

    private static Tensor Inserted(Tensor row, long at, Tensor prompt) => at == 0
        ? Tensor.Cat([prompt, row], 1)
        : Tensor.Cat([row.Narrow(1, 0, at), prompt, row.Narrow(1, at, row.Size(1) - at)], 1);
}

/// <summary>Where a group's virtual tokens stand: so many in front of the text, so many behind its first token.</summary>
internal readonly record struct PromptLayout(long Front, long Behind);

/// <summary>Embedded text with virtual tokens, and the way back to the text's own positions.</summary>
/// <param name="Embedded">[B, P + T, W], floating.</param>
/// <param name="Mask">[B, P + T], floating, or null when nothing is padded.</param>
/// <param name="TextLength">T.</param>
/// <param name="Pass">The pass; null without virtual tokens.</param>
/// <param name="Layouts">Where each group's virtual tokens stand, or null for none.</param>
internal sealed record PromptedText(Tensor Embedded, Tensor? Mask, long TextLength, AdapterPass? Pass = null, PromptLayout[]? Layouts = null)
{
    /// <summary>The text's positions of a later hidden state: [B, P + T, W] to [B, T, W], aligned with the input tokens.</summary>
    /// <param name="hidden">[B, P + T, W].</param>
    public Tensor TextOnly(Tensor hidden) => Layouts is null ? hidden : Pass!.PerGroup(hidden, (rows, slice) =>
    {
        var (front, behind) = LayoutOf(rows);
        return behind == 0
            ? slice.Narrow(1, front, TextLength)
            : Tensor.Cat([slice.Narrow(1, front, 1), slice.Narrow(1, front + 1 + behind, TextLength - 1)], 1);
    });

    /// <summary>A value per token spread over the positions with virtual tokens: [B, T] to [B, P + T].</summary>
    /// <param name="tokens">[B, T].</param>
    /// <param name="fill">The value at virtual tokens and at padding behind the text.</param>
    public Tensor Spread(Tensor tokens, long fill) => Layouts is null ? tokens : Pass!.PerGroup(tokens, (rows, slice) =>
    {
        var (front, behind) = LayoutOf(rows);
        var tail = Embedded.Size(1) - TextLength - front - behind;
        return Tensor.Cat(
            [Filled(front), slice.Narrow(1, 0, 1), Filled(behind), slice.Narrow(1, 1, TextLength - 1), Filled(tail)], 1);

        Tensor Filled(long count) => Tensor.Full([rows.Count, count], fill, tokens.DType, tokens.Device);
    });

    private PromptLayout LayoutOf(RowGroup rows)
    {
        for (var g = 0; g < Pass!.Groups.Count; g++)
        {
            if (ReferenceEquals(Pass.Groups[g], rows))
            {
                return Layouts![g];
            }
        }

        throw new InvalidOperationException("The group does not belong to this pass.");
    }
}
