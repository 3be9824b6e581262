using System.Buffers.Binary;
using System.Globalization;
using Graft.Text.Decoders;
using Graft.Text.Models;
using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;
using Graft.Text.Processing;
using Graft.Text.Unicode;
using Graft.Torch;

namespace Graft.Text.Reading;

/// <summary>
/// Reads T5's <c>spiece.model</c>: a protobuf message of SentencePiece (<c>sentencepiece_model.proto</c>) with pieces and scores, how it was
/// trained, and its compiled normalization rules. What follows from them is what transformers' converter makes of the file.
/// </summary>
internal static class SentencePieceFile
{
    /// <summary>The number of placeholders where nobody says otherwise.</summary>
    public const int UsualExtraIds = 100;

    private const int Mark = 0x2581;
    private const int UnknownPiece = 2;
    private const int UserPiece = 4;
    private const int UnigramKind = 1;

    /// <summary>The number of placeholders by a folder's <c>tokenizer_config.json</c>.</summary>
    public static int ReadExtraIds(string path)
    {
        if (!File.Exists(path))
        {
            return UsualExtraIds;
        }

        using var document = TokenizerFile.Parse(path);
        return new JsonField(path, string.Empty, document.RootElement).Find("extra_ids") is not { } field ? UsualExtraIds
            : field.Number() is var count and >= 0 ? count
            : throw field.Fault("0 or more");
    }

    /// <summary>Reads the file.</summary>
    public static TokenizerParts Read(string path, int extraIds)
    {
        var file = Parse(path);
        if (file.Kind != UnigramKind)
        {
            throw new GraftException($"{path} holds no unigram model of SentencePiece; convert it to tokenizer.json (AutoTokenizer.from_pretrained, save_pretrained).");
        }

        var tokens = file.Pieces.Select(p => p.Text).ToList();
        if (tokens.Find(t => t is "[CLS]" or "<cls>") is { } foreign)
        {
            throw new GraftException($"{path} has the piece '{foreign}', so it is not T5's, and what its model puts around a text is not in the file; convert it to tokenizer.json (AutoTokenizer.from_pretrained, save_pretrained).");
        }

        var scores = file.Pieces.Select(p => (double)p.Score).ToList();
        for (var i = extraIds - 1; i >= 0; i--)
        {
            tokens.Add(string.Create(CultureInfo.InvariantCulture, $"<extra_id_{i}>"));
            scores.Add(0);
        }

        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var (id, token) in tokens.Index())
        {
            ids[token] = id;
        }

        var vocabulary = new Vocabulary(ids, tokens.Count);
        var end = vocabulary.IdOf("</s>") is var found and >= 0 ? TemplatePiece.Special(found, "</s>", 0) : throw new GraftException(
            $"{path} has no piece '</s>', with which T5 ends a text.");
        var unknown = file.Unknown ?? file.Pieces.FindIndex(p => p.Kind == UnknownPiece);
        TemplatePiece[] single = [TemplatePiece.Text(0, 0), end];
        AddedToken[] added =
        [
            .. VocabularyFiles.Special(["<pad>", "</s>", "<unk>", .. tokens[file.Pieces.Count..]], vocabulary),
            .. file.Pieces.Where(p => p.Kind == UserPiece).Select(p => new AddedToken(p.Text, false, false, false, Normalized: false, Special: false)),
        ];
        var scheme = file.PutsBlankFirst ? PrependScheme.Always : PrependScheme.Never;
        return new TokenizerParts(
            new UnigramModel(vocabulary, tokens, [.. scores], unknown < tokens.Count ? unknown : -1, file.ByteFallback),
            added,
            file.Rules.Length == 0 ? null : PrecompiledNormalizer.TryRead(file.Rules) ?? throw Damaged(path),
            new PreTokenizerSequence(
            [
                new PatternPreTokenizer(new Patterns.CharPattern(c => UnicodeData.Has(c, CharTraits.Whitespace)), SplitBehavior.Removed, invert: false),
                new MetaspacePreTokenizer(Mark, scheme, split: true),
            ]),
            new PostProcessor(single, [.. single, TemplatePiece.Text(1, 0), end], []),
            new MetaspaceDecoder(Mark, file.PutsBlankFirst));
    }

    private static Contents Parse(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path} cannot be read: {fault.Message.TrimEnd('.')}.", fault);
        }

        var contents = new Contents();
        var fields = new ProtobufFields(bytes, path);
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1:
                    contents.Pieces.Add(Piece(path, fields.Bytes));
                    break;
                case 2:
                    contents.ReadTraining(new ProtobufFields(fields.Bytes, path));
                    break;
                case 3:
                    contents.ReadNormalization(new ProtobufFields(fields.Bytes, path));
                    break;
            }
        }

        return contents.Pieces.Count > 0 ? contents : throw Damaged(path);
    }

    private static (string Text, float Score, long Kind) Piece(string path, ReadOnlyMemory<byte> message)
    {
        var (text, score, kind) = (string.Empty, 0f, 1L);
        var fields = new ProtobufFields(message, path);
        while (fields.Next())
        {
            switch (fields.Number)
            {
                case 1:
                    text = System.Text.Encoding.UTF8.GetString(fields.Bytes.Span);
                    break;
                case 2 when fields.Bytes.Length == sizeof(float):
                    score = BinaryPrimitives.ReadSingleLittleEndian(fields.Bytes.Span);
                    break;
                case 3:
                    kind = fields.Integer;
                    break;
            }
        }

        return float.IsFinite(score) ? (text, score, kind) : throw Damaged(path);
    }

    private static GraftException Damaged(string path) => new($"{path} is not a model of SentencePiece; fetch it again.");

    /// <summary>What the file says; what it leaves out has SentencePiece's defaults.</summary>
    private sealed class Contents
    {
        public List<(string Text, float Score, long Kind)> Pieces { get; } = [];

        public long Kind { get; private set; } = UnigramKind;

        public int? Unknown { get; private set; }

        public bool ByteFallback { get; private set; }

        public byte[] Rules { get; private set; } = [];

        public bool PutsBlankFirst { get; private set; } = true;

        public void ReadTraining(ProtobufFields fields)
        {
            while (fields.Next())
            {
                switch (fields.Number)
                {
                    case 3:
                        Kind = fields.Integer;
                        break;
                    case 35:
                        ByteFallback = fields.Integer != 0;
                        break;
                    case 40:
                        Unknown = (int)fields.Integer;
                        break;
                }
            }
        }

        public void ReadNormalization(ProtobufFields fields)
        {
            while (fields.Next())
            {
                switch (fields.Number)
                {
                    case 2:
                        Rules = fields.Bytes.ToArray();
                        break;
                    case 3:
                        PutsBlankFirst = fields.Integer != 0;
                        break;
                }
            }
        }
    }
}
