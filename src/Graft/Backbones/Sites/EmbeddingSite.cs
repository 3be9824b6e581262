using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>The embedded text, where virtual tokens may be put in front of a stack.</summary>
/// <param name="path">The checkpoint path of the embeddings.</param>
/// <param name="width">The model's width W.</param>
/// <param name="stack">The stack it belongs to.</param>
public sealed class EmbeddingSite(string path, int width, StackKind stack)
    : Site(path, SiteRole.None, SiteRole.None, stack, -1)
{
    /// <summary>The model's width W.</summary>
    public int Width { get; } = width;

    /// <summary>
    /// The embedded text with the virtual tokens of the pass in front. Rows with fewer virtual tokens than another row's are padded
    /// behind their text with masked positions.
    /// </summary>
    /// <param name="pass">The pass, or null.</param>
    /// <param name="embedded">[B, T, W], floating.</param>
    /// <param name="mask">[B, T], floating, or null when nothing is padded.</param>
    /// <returns>The text with its prompts, the mask, and how to take the text's positions out of a later [B, P + T, W].</returns>
    internal PromptedText Apply(AdapterPass? pass, Tensor embedded, Tensor? mask)
    {
        if (pass is null || !pass.Touches(this))
        {
            return new PromptedText(embedded, mask, pass, null, embedded.Size(1));
        }

        var groups = pass.Groups;
        var prompts = new Tensor?[groups.Count];
        var lengths = new long[groups.Count];
        for (var g = 0; g < prompts.Length; g++)
        {
            foreach (var part in groups[g].At(this))
            {
                var prompt = ((EmbeddingPart)part).Prompt(groups[g], groups[g].Slice(embedded));
                prompts[g] = prompts[g] is { } first ? Tensor.Cat([first, prompt], 1) : prompt;
            }

            lengths[g] = prompts[g]?.Size(1) ?? 0;
        }

        var longest = lengths.Max();
        var text = mask ?? Tensor.Ones([embedded.Size(0), embedded.Size(1)], embedded.DType, embedded.Device);
        var masked = mask is not null || lengths.Any(l => l < longest);
        var rows = new Tensor[groups.Count];
        var masks = new Tensor[groups.Count];
        for (var g = 0; g < rows.Length; g++)
        {
            var count = groups[g].Count;
            var tail = longest - lengths[g];
            var own = groups[g].Slice(embedded);
            rows[g] = Tensor.Cat([
                .. prompts[g] is { } prompt ? new[] { prompt } : [],
                own,
                .. tail > 0 ? new[] { Tensor.Zeros([count, tail, Width], own.DType, own.Device) } : []], 1);
            masks[g] = Tensor.Cat([
                Tensor.Ones([count, lengths[g]], text.DType, text.Device),
                groups[g].Slice(text),
                Tensor.Zeros([count, tail], text.DType, text.Device)], 1);
        }

        return new PromptedText(Tensor.Cat(rows, 0), masked ? Tensor.Cat(masks, 0) : null, pass, lengths, embedded.Size(1));
    }
}

/// <summary>Embedded text with virtual tokens in front, and the way back to the text's own positions.</summary>
/// <param name="Embedded">[B, P + T, W], floating.</param>
/// <param name="Mask">[B, P + T], floating, or null when nothing is padded.</param>
/// <param name="Pass">The pass.</param>
/// <param name="Lengths">The number of virtual tokens of each group, or null for none.</param>
/// <param name="TextLength">T.</param>
internal sealed record PromptedText(Tensor Embedded, Tensor? Mask, AdapterPass? Pass, long[]? Lengths, long TextLength)
{
    /// <summary>The text's positions of a later hidden state: [B, P + T, W] to [B, T, W], aligned with the input tokens.</summary>
    /// <param name="hidden">[B, P + T, W].</param>
    public Tensor TextOnly(Tensor hidden)
    {
        if (Lengths is null)
        {
            return hidden;
        }

        return Pass!.PerGroup(hidden, (rows, slice) => slice.Narrow(1, Lengths[IndexOf(rows)], TextLength));
    }

    private int IndexOf(RowGroup rows)
    {
        for (var g = 0; g < Pass!.Groups.Count; g++)
        {
            if (ReferenceEquals(Pass.Groups[g], rows))
            {
                return g;
            }
        }

        throw new InvalidOperationException("The group does not belong to this pass.");
    }
}
