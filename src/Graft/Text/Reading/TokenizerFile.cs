using System.Text.Json;
using Graft.Text.Processing;
using Graft.Torch;

namespace Graft.Text.Reading;

/// <summary>Reads <c>tokenizer.json</c> files.</summary>
internal static class TokenizerFile
{
    private static readonly JsonDocumentOptions s_options = new() { MaxDepth = 64 };

    public static TokenizerParts Read(string path)
    {
        using var document = Parse(path);
        try
        {
            return Read(path, document);
        }
        catch (InvalidOperationException fault)
        {
            throw new GraftException($"{path} holds a key that is not valid Unicode; download it again.", fault);
        }
    }

    /// <summary>Opens a file of JSON, with faults that name it.</summary>
    public static JsonDocument Parse(string path)
    {
        try
        {
            var bytes = File.ReadAllBytes(path).AsMemory();
            bytes = bytes.Span.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;
            return System.Text.Unicode.Utf8.IsValid(bytes.Span)
                ? JsonDocument.Parse(bytes, s_options)
                : throw new GraftException($"{path} is not UTF-8; download it again.");
        }
        catch (JsonException fault)
        {
            throw new GraftException($"{path} is not valid JSON (line {fault.LineNumber + 1}): {fault.Message.Split(". ")[0].TrimEnd('.')}; download it again.", fault);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new GraftException($"{path} cannot be read: {fault.Message.TrimEnd('.')}.", fault);
        }
    }

    private static TokenizerParts Read(string path, JsonDocument document)
    {
        var root = new JsonField(path, string.Empty, document.RootElement);
        if (root.Find("version") is { } version && version.Text() != "1.0")
        {
            throw version.Fault("\"1.0\"");
        }

        var normalizer = root.Find("normalizer") is { } n ? NormalizerReader.Read(n) : null;
        var preTokenizer = root.Find("pre_tokenizer") is { } p ? PreTokenizerReader.Read(p) : null;
        var postProcessor = root.Find("post_processor") is { } t ? PostProcessorReader.Read(t) : null;
        var decoder = root.Find("decoder") is { } d ? DecoderReader.Read(d) : null;
        AddedToken[] added = root.Find("added_tokens") is { } a ? [.. a.Items().Select(ReadAddedToken)] : [];
        return new TokenizerParts(ModelReader.Read(root["model"]), added, normalizer, preTokenizer, postProcessor, decoder);
    }

    private static AddedToken ReadAddedToken(JsonField field) => new(
        field["content"].Text(),
        field.Flag("single_word", whenAbsent: false),
        field.Flag("lstrip", whenAbsent: false),
        field.Flag("rstrip", whenAbsent: false),
        field.Flag("normalized", whenAbsent: true),
        field.Flag("special", whenAbsent: false));
}
