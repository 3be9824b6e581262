using Graft.Text.Decoders;
using Graft.Text.Models;
using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;
using Graft.Text.Processing;
using Graft.Text.Reading;
using Graft.Torch;

namespace Graft.Text;

public sealed partial class Tokenizer
{
    /// <summary>
    /// Loads the tokenizer of a model folder: <c>tokenizer.json</c>, else <c>vocab.txt</c> (cased when <c>tokenizer_config.json</c> says
    /// <c>"do_lower_case": false</c>), else <c>vocab.json</c> with <c>merges.txt</c>, else T5's <c>spiece.model</c>.
    /// </summary>
    /// <exception cref="GraftException">The folder has none of these files, or the file is faulty.</exception>
    public static Tokenizer Load(string modelFolder)
    {
        ArgumentNullException.ThrowIfNull(modelFolder);
        var json = Path.Combine(modelFolder, "tokenizer.json");
        if (File.Exists(json))
        {
            return FromTokenizerJson(json);
        }

        var words = Path.Combine(modelFolder, "vocab.txt");
        if (File.Exists(words))
        {
            return FromVocabTxt(words, VocabularyFiles.ReadLowercase(Path.Combine(modelFolder, "tokenizer_config.json")));
        }

        var vocabulary = Path.Combine(modelFolder, "vocab.json");
        var merges = Path.Combine(modelFolder, "merges.txt");
        if (File.Exists(vocabulary) && File.Exists(merges))
        {
            return FromVocabAndMerges(vocabulary, merges);
        }

        var pieces = Path.Combine(modelFolder, "spiece.model");
        return File.Exists(pieces)
            ? FromSentencePiece(pieces, SentencePieceFile.ReadExtraIds(Path.Combine(modelFolder, "tokenizer_config.json")))
            : throw new GraftException($"{modelFolder} holds no tokenizer; expected tokenizer.json, vocab.txt, vocab.json with merges.txt, or spiece.model.");
    }

    /// <summary>
    /// Makes T5's tokenizer from a <c>spiece.model</c> file of SentencePiece's unigram model, with the placeholders &lt;extra_id_N&gt; behind its
    /// pieces as Hugging Face puts them: the same ids as the <c>tokenizer.json</c> that transformers converts the file to.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="extraIds">The number of placeholders; 100 in T5, none in mT5.</param>
    /// <exception cref="GraftException">The file cannot be read, holds another kind of model, or is not T5's.</exception>
    public static Tokenizer FromSentencePiece(string path, int extraIds = SentencePieceFile.UsualExtraIds)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new Tokenizer(SentencePieceFile.Read(path, extraIds));
    }

    /// <summary>Loads a <c>tokenizer.json</c> file. Its own truncation and padding are not applied: callers say what they want.</summary>
    /// <exception cref="GraftException">The file cannot be read, or asks for something that is not supported.</exception>
    public static Tokenizer FromTokenizerJson(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new Tokenizer(TokenizerFile.Read(path));
    }

    /// <summary>Makes BERT's tokenizer from a <c>vocab.txt</c> file of one token a line.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lowercase">Whether the model is uncased; accents go with the case.</param>
    /// <exception cref="GraftException">The file cannot be read or lacks [CLS], [SEP] or [UNK].</exception>
    public static Tokenizer FromVocabTxt(string path, bool lowercase = true)
    {
        ArgumentNullException.ThrowIfNull(path);
        var vocabulary = VocabularyFiles.ReadWords(path);
        int Required(string token) => vocabulary.IdOf(token) is var id and >= 0
            ? id
            : throw new GraftException($"{path} has no line '{token}', which BERT's vocabulary needs.");

        var sep = TemplatePiece.Special(Required("[SEP]"), "[SEP]", 0);
        TemplatePiece[] single = [TemplatePiece.Special(Required("[CLS]"), "[CLS]", 0), TemplatePiece.Text(0, 0), sep];
        Required("[UNK]");
        return new Tokenizer(new TokenizerParts(
            new WordPieceModel(vocabulary, "[UNK]", "##", 100),
            [.. VocabularyFiles.Special(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], vocabulary)],
            new BertNormalizer(cleanText: true, spaceChinese: true, stripAccents: lowercase, lowercase),
            new BertPreTokenizer(),
            new PostProcessor(single, [.. single, TemplatePiece.Text(1, 1), sep with { TypeId = 1 }], []),
            new WordPieceDecoder("##", cleanup: true)));
    }

    /// <summary>
    /// Makes a byte-level BPE tokenizer from <c>vocab.json</c> and <c>merges.txt</c>: RoBERTa's when the vocabulary has &lt;s&gt; and &lt;/s&gt;, else GPT-2's.
    /// </summary>
    /// <param name="vocabularyPath">A JSON object from tokens to ids.</param>
    /// <param name="mergesPath">Pairs of tokens, one a line, the most frequent first.</param>
    /// <exception cref="GraftException">A file cannot be read, or the two do not belong together.</exception>
    public static Tokenizer FromVocabAndMerges(string vocabularyPath, string mergesPath)
    {
        ArgumentNullException.ThrowIfNull(vocabularyPath);
        ArgumentNullException.ThrowIfNull(mergesPath);
        var vocabulary = VocabularyFiles.ReadJson(vocabularyPath);
        var model = ModelReader.MakeBpe(
            vocabulary,
            VocabularyFiles.ReadMerges(mergesPath),
            new BpeOptions(),
            (rank, expected) => new GraftException($"{mergesPath}, merge {rank + 1}: expected {expected}."));
        var added = VocabularyFiles.Special(["<s>", "<pad>", "</s>", "<unk>", "<|endoftext|>"], vocabulary)
            .Concat(VocabularyFiles.Special(["<mask>"], vocabulary).Select(mask => mask with { StripLeft = true }));
        var postProcessor = PostProcessor.Plain;
        if (vocabulary.IdOf("<s>") is var start and >= 0 && vocabulary.IdOf("</s>") is var stop and >= 0)
        {
            var end = TemplatePiece.Special(stop, "</s>", 0);
            TemplatePiece[] single = [TemplatePiece.Special(start, "<s>", 0), TemplatePiece.Text(0, 0), end];
            postProcessor = new PostProcessor(single, [.. single, end, TemplatePiece.Text(1, 0), end], TrimsWithPrefixSpace: [false]);
        }

        return new Tokenizer(new TokenizerParts(
            model, [.. added], null, new ByteLevelPreTokenizer(addPrefixSpace: false, useRegex: true), postProcessor, new ByteLevelDecoder()));
    }
}
