using System.Collections.Concurrent;
using Graft.Text.Decoders;
using Graft.Text.Models;
using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;
using Graft.Text.Processing;
using Graft.Torch;

namespace Graft.Text;

/// <summary>
/// Turns text into the token ids of a pretrained model and back, exactly as the model's tokenizer file says.
/// Thread contract: immutable and thread-safe.
/// </summary>
public sealed partial class Tokenizer
{
    private const int RowsPerSlice = 32;

    private readonly ConcurrentBag<Workspace> _idle = [];
    private readonly TokenModel _model;
    private readonly AddedVocabulary _added;
    private readonly Normalizer? _normalizer;
    private readonly PreTokenizer? _preTokenizer;
    private readonly PostProcessor _postProcessor;
    private readonly Decoder? _decoder;

    internal Tokenizer(TokenizerParts parts)
    {
        _model = parts.Model;
        _normalizer = parts.Normalizer;
        _preTokenizer = parts.PreTokenizer;
        _postProcessor = parts.PostProcessor ?? PostProcessor.Plain;
        _decoder = parts.Decoder;
        _added = new AddedVocabulary(parts.AddedTokens, parts.Model.Vocabulary, parts.Normalizer);
        VocabularySize = parts.Model.Vocabulary.Count + _added.Ids.Keys.Count(token => parts.Model.Vocabulary.IdOf(token) < 0);
        PadId = FirstKnown("[PAD]", "<pad>");
        UnkId = FirstKnown("[UNK]", "<unk>");
        ClsId = FirstKnown("[CLS]", "<s>");
        SepId = FirstKnown("[SEP]", "</s>");
        MaskId = FirstKnown("[MASK]", "<mask>");
    }

    /// <summary>The number of tokens, added ones included.</summary>
    public int VocabularySize { get; }

    /// <summary>The id of [PAD] or &lt;pad&gt;, or null.</summary>
    public int? PadId { get; }

    /// <summary>The id of [UNK] or &lt;unk&gt;, or null.</summary>
    public int? UnkId { get; }

    /// <summary>The id of [CLS] or &lt;s&gt;, or null.</summary>
    public int? ClsId { get; }

    /// <summary>The id of [SEP] or &lt;/s&gt;, or null.</summary>
    public int? SepId { get; }

    /// <summary>The id of [MASK] or &lt;mask&gt;, or null.</summary>
    public int? MaskId { get; }

    /// <summary>The text of a token, or null when no token has the id.</summary>
    public string? IdToToken(int id) => _model.Vocabulary.TokenOf(id) ?? _added.TokenOf(id);

    /// <summary>The id of a token, or null when there is no such token.</summary>
    /// <param name="token">The token as the vocabulary writes it, e.g. <c>##ing</c>.</param>
    public int? TokenToId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        var id = _added.IdOf(token);
        id = id >= 0 ? id : _model.Vocabulary.IdOf(token);
        return id >= 0 ? id : null;
    }

    /// <summary>The number of tokens that the model's template adds to a text or to a pair of texts.</summary>
    public int AddedTokens(bool pair) => _postProcessor.AddedTokens(pair);

    /// <summary>Encodes one text, or a pair of texts.</summary>
    /// <param name="text">The text; a surrogate without partner counts as U+FFFD.</param>
    /// <param name="pair">The second text, or null; an empty second text is still a second text.</param>
    /// <param name="maxLength">The most tokens of the result, special ones included; the longer text loses tokens first. Null: no limit.</param>
    /// <param name="addSpecialTokens">Whether to add the model's special tokens.</param>
    /// <exception cref="GraftException">
    /// <paramref name="maxLength"/> leaves no room for the special tokens, or the text holds something that the vocabulary cannot express.
    /// </exception>
    public Encoding Encode(string text, string? pair = null, int? maxLength = null, bool addSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        var workspace = _idle.TryTake(out var idle) ? idle : new Workspace();
        try
        {
            return Encode(workspace, text, pair, maxLength, addSpecialTokens);
        }
        finally
        {
            _idle.Add(workspace);
        }
    }

    /// <summary>Encodes many rows on all processors, in order and with special tokens.</summary>
    /// <param name="rows">The texts with their second texts or null.</param>
    /// <param name="maxLength">As in <see cref="Encode(string, string?, int?, bool)"/>.</param>
    /// <exception cref="GraftException">As in <see cref="Encode(string, string?, int?, bool)"/>, for the first row at fault that is met.</exception>
    public IReadOnlyList<Encoding> EncodeBatch(IReadOnlyList<(string Text, string? Pair)> rows, int? maxLength = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return OfEach(rows, (workspace, row) => Encode(workspace, row.Text, row.Pair, maxLength, addSpecialTokens: true));
    }

    /// <summary>The text of the ids.</summary>
    /// <param name="ids">Token ids; an id that no token has is passed over.</param>
    /// <param name="skipSpecialTokens">Whether to leave special tokens out.</param>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var tokens = new List<string>();
        foreach (var id in ids)
        {
            var token = _added.DecodedTokenOf(id) ?? _model.Vocabulary.TokenOf(id);
            if (token is not null && !(skipSpecialTokens && _added.IsSpecial(token)))
            {
                tokens.Add(token);
            }
        }

        return _decoder is null ? string.Join(' ', tokens) : string.Concat(_decoder.Decode(tokens));
    }

    /// <summary>Computes something of every row on all processors, in order.</summary>
    private TResult[] OfEach<TRow, TResult>(IReadOnlyList<TRow> rows, Func<Workspace, TRow, TResult> compute)
    {
        var results = new TResult[rows.Count];
        var next = 0;
        try
        {
            Parallel.For(0, Math.Min(Environment.ProcessorCount, (rows.Count + RowsPerSlice - 1) / RowsPerSlice), Work);
        }
        catch (AggregateException faults) when (faults.InnerException is GraftException fault)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
        }

        return results;

        void Work(int worker)
        {
            var workspace = _idle.TryTake(out var idle) ? idle : new Workspace();
            int from;
            while ((from = Interlocked.Add(ref next, RowsPerSlice) - RowsPerSlice) < results.Length)
            {
                var to = Math.Min(from + RowsPerSlice, results.Length);
                for (var i = from; i < to; i++)
                {
                    results[i] = compute(workspace, rows[i]);
                }
            }

            _idle.Add(workspace);
        }
    }

    private Encoding Encode(Workspace workspace, string text, string? pair, int? maxLength, bool addSpecialTokens)
    {
        var limit = maxLength ?? int.MaxValue;
        Tokenize(workspace, text, workspace.First, limit);
        var second = pair is null ? null : workspace.Second;
        if (pair is not null)
        {
            Tokenize(workspace, pair, workspace.Second, limit);
        }

        var first = workspace.First;
        var (firstLength, secondLength) = (first.Count, second?.Count ?? 0);
        if (maxLength is { } most)
        {
            var room = most - (addSpecialTokens ? _postProcessor.AddedTokens(pair is not null) : 0);
            if (room < 0)
            {
                throw new GraftException($"A maximal length of {most} tokens leaves no room for the {most - room} special tokens; raise it.");
            }

            (firstLength, secondLength) = Truncation.LongestFirst(first.CountAtLimit, second?.CountAtLimit, room);
        }

        var dropped = first.Count - firstLength + (second?.Count ?? 0) - secondLength;
        return _postProcessor.Assemble(this, first, firstLength, second, secondLength, addSpecialTokens, dropped);
    }

    private void Tokenize(Workspace workspace, string text, TokenList output, int limit)
    {
        output.Clear();
        var split = workspace.Split;
        _added.Extract(text, _normalizer, split, workspace.Scratch);
        _preTokenizer?.Split(split);

        var countAtLimit = -1;
        var starts = split.Text.Starts;
        var ends = split.Text.Ends;
        foreach (var part in split.Parts)
        {
            if (part.IsText)
            {
                var word = split.CharsOf(part);
                foreach (var token in workspace.Words.Tokens(_model, word))
                {
                    output.Add(token.Id, starts[part.Start + token.Start], ends[part.Start + token.End - 1]);
                    if (token.Literal)
                    {
                        output.NameLast(word[token.Start..token.End].ToString());
                    }
                }
            }
            else
            {
                output.Add(part.AddedToken, starts[part.Start], ends[part.Start + part.Length - 1]);
                var content = split.CharsOf(part);
                if (!content.SequenceEqual(IdToToken(part.AddedToken)))
                {
                    output.NameLast(content.ToString());
                }
            }

            if (countAtLimit < 0 && part.IsText && output.Count >= limit)
            {
                countAtLimit = output.Count;
            }
        }

        output.CountAtLimit = countAtLimit < 0 ? output.Count : countAtLimit;
        foreach (var prefixSpace in _postProcessor.TrimsWithPrefixSpace)
        {
            OffsetTrimming.Trim(this, output, text, prefixSpace);
        }
    }

    private int? FirstKnown(string first, string second) => TokenToId(first) ?? TokenToId(second);
}
