using Graft.Backbones;
using Graft.Text;
using Graft.Torch;

namespace Graft.Tasks.TextToText;

/// <summary>
/// A task's format in the tokens of a backbone: sources for its encoder, targets for its decoder, and texts of what that generates.
/// Immutable and thread-safe.
/// </summary>
public sealed class TextCodec
{
    /// <summary>The longest target in tokens, the end of the text included; longer ones are truncated.</summary>
    public const int MostTokens = 128;

    // The tokens of an answer to a question, as long as run_qa.py lets one be, and its end.
    private const int UsualAnswer = 31;

    private readonly Tokenizer _tokenizer;

    /// <summary>Joins a format and a tokenizer.</summary>
    /// <param name="format">The format.</param>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    /// <param name="backbone">The backbone, which has a decoder.</param>
    /// <exception cref="GraftException">The backbone has no decoder.</exception>
    public TextCodec(TextFormat format, Tokenizer tokenizer, BackboneConfig backbone)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(backbone);
        (Format, _tokenizer) = (format, tokenizer);
        Decoder = backbone.Decoder ?? throw new GraftException(
            $"A backbone of type '{backbone.ModelType}' has no decoder to write answers with; give --head pooled, or a T5 backbone.");
    }

    /// <summary>The format.</summary>
    public TextFormat Format { get; }

    /// <summary>The tokens that a decoder's texts begin, end and are filled with.</summary>
    public DecoderConfig Decoder { get; }

    /// <summary>The tokens of each label's text, the end included; none of a regression.</summary>
    public IReadOnlyList<int[]> Labels => field ??= [.. Format.Targets.Select(Ids)];

    /// <summary>Tokenizes sources in parallel.</summary>
    /// <param name="rows">The texts of rows.</param>
    /// <param name="maxTokens">The longest source in tokens; longer ones are truncated.</param>
    public IReadOnlyList<Encoding> Sources(IReadOnlyList<(string Text, string? Pair)> rows, int maxTokens) =>
        _tokenizer.EncodeBatch([.. rows.Select(r => (Format.Source(r.Pair is null ? [r.Text] : [r.Text, r.Pair]), (string?)null))], maxTokens);

    /// <summary>The tokens of a row's target, the end included.</summary>
    /// <param name="row">A labelled row.</param>
    public int[] Target(Example row) => Ids(Format.Target(row));

    /// <summary>The tokens of the longest answer, the end included: of the labels' texts, or of the targets of rows.</summary>
    /// <param name="rows">Training rows, read where the targets are no list; best those that a few are drawn from too, as their numbers are not the longest.</param>
    public int Longest(IEnumerable<Example> rows) => Format.Reading switch
    {
        TextReading.Number => Written(rows),
        TextReading.Answer => Math.Max(UsualAnswer, Written(rows)),
        TextReading.Labels => Math.Max(Ids(TextFormat.NoLabel).Length, Ids(string.Join(", ", Format.Targets)).Length),
        _ => Labels.Max(l => l.Length),
    };

    /// <summary>The text of generated tokens.</summary>
    /// <param name="ids">The tokens, without start; what follows the end is not read.</param>
    public string Text(IEnumerable<int> ids) => _tokenizer.Decode(ids.TakeWhile(id => id != Decoder.EndId)).Trim();

    private int Written(IEnumerable<Example> rows) => rows.Select(Format.Target).Distinct(StringComparer.Ordinal).Max(t => Ids(t).Length);

    private int[] Ids(string target)
    {
        var ids = _tokenizer.Encode(target, maxLength: MostTokens).Ids;
        return ids.Length > 0 && ids[^1] == Decoder.EndId ? ids : [.. ids.Take(MostTokens - 1), Decoder.EndId];
    }
}
