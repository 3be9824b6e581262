using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks.Corpora;
using Graft.Tasks.Heads;
using Graft.Text;
using Graft.Torch;

namespace Graft.Recipes.Pretraining;

/// <summary>What can be told of a pretraining before weights are made and texts are read. Stateless.</summary>
internal static class PretrainCheck
{
    /// <summary>Refuses a model that is not pretrained here, and a method that leaves neither a model nor an adapter that a task can begin at.</summary>
    /// <param name="shape">The backbone, whose weights are not looked at.</param>
    /// <param name="method">The method.</param>
    /// <param name="config">Its settings.</param>
    /// <param name="source">What messages call the model.</param>
    /// <param name="isFresh">Whether the backbone begins with random weights, which only a method that is folded into them trains.</param>
    /// <exception cref="GraftException">One of them is at fault.</exception>
    public static void Method(Backbone shape, PeftMethod method, PeftConfig config, string source, bool isFresh)
    {
        if (shape.MaskedHead is null && shape.Config.Decoder is null)
        {
            throw new GraftException($"'{source}' is of type {shape.Config.ModelType}, which can be pretrained neither by masked words nor by spans; choose a BERT, RoBERTa or T5 model.");
        }

        if (method is IBuildsOnAdapters)
        {
            throw new GraftException($"The method {method.Name} is made of trained adapters, and a pretraining has none; choose a method of a single adapter, such as full, lora or unipelt.");
        }

        using var rng = new Rng(0, Device.Cpu);
        using var adapter = method.Attach(shape, PretrainWork.Name, config, rng);
        if (WeightMerger.CanMerge(adapter, shape))
        {
            return;
        }

        if (isFresh)
        {
            throw new GraftException(
                $"The method {method.Name} cannot be folded into weights, and would leave the random weights of '{source}' as they are; choose full, or a method that 'graft merge' takes, such as lora.");
        }

        if (method.SharesAcrossTasks)
        {
            throw new GraftException($"The method {method.Name} is made for several tasks, and a pretraining has none; choose a method of a single adapter, such as full, lora or unipelt.");
        }
    }

    /// <summary>Refuses a model whose head for masked words is no whole one.</summary>
    /// <param name="loaded">The model.</param>
    /// <exception cref="GraftException">The head is at fault.</exception>
    public static void Head(LoadedBackbone loaded)
    {
        using var rng = new Rng(0, Device.Cpu);
        using var head = loaded.Backbone.MaskedHead is null ? null : MaskedWordHead.Load(loaded.Folder, loaded.Backbone, rng);
    }

    /// <summary>How texts are spoilt for the model.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="backbone">The backbone, whose weights are not looked at.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <exception cref="GraftException">The tokenizer lacks a token that marks what is taken out, or has more tokens than the model embeds.</exception>
    public static ICorruption Corruption(PretrainSettings settings, Backbone backbone, Tokenizer tokenizer)
    {
        Masking(settings, backbone);
        if (tokenizer.VocabularySize > backbone.Config.VocabularySize)
        {
            throw new GraftException(
                $"The tokenizer has {tokenizer.VocabularySize} tokens and the model embeds {backbone.Config.VocabularySize}, so that some of its texts cannot be read; take tokenizer and model from one folder.");
        }

        return backbone.MaskedHead is null
            ? new SpanCorruption(tokenizer, settings.MaskShare, settings.SpanLength)
            : new WordMasking(tokenizer, backbone.Config.VocabularySize, settings.MaskShare, settings.WholeWords);
    }

    /// <summary>Refuses settings of the other way to spoil texts.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="backbone">The backbone, whose weights are not looked at.</param>
    /// <exception cref="GraftException">There is one.</exception>
    public static void Masking(PretrainSettings settings, Backbone backbone)
    {
        if (backbone.MaskedHead is null && settings.WholeWords)
        {
            throw new GraftException($"whole_words is about masked words, and a {backbone.Config.ModelType} restores spans; leave --whole-words out.");
        }

        if (backbone.MaskedHead is not null && settings.SpanLength != new PretrainSettings { Out = "" }.SpanLength)
        {
            throw new GraftException($"span_length is about spans, and a {backbone.Config.ModelType} restores masked words; leave span_length out.");
        }
    }
}
