using Graft.Backbones;
using Graft.Formats.Sources;
using Graft.Methods.Core;
using Graft.Recipes.Pretraining;
using Graft.Torch;

namespace Graft.Recipes;

/// <summary>
/// Pretrains a language model on texts: what <c>graft pretrain</c> does. BERT and RoBERTa restore masked words, T5 restores spans; from a model that is
/// there, or from random weights; all weights, or any method of a single adapter. The result is a Hugging Face model folder, with the adapter beside it where it cannot be folded into weights. Stateless; one
/// call uses one thread besides libtorch's own.
/// </summary>
public static class Pretrain
{
    /// <summary>Pretrains.</summary>
    /// <param name="settings">The settings.</param>
    /// <param name="progress">Told what happens, synchronously; null for nobody.</param>
    /// <param name="cancellation">Stops as soon as a pass is through, after a checkpoint; a step that is under way is given up and done again.</param>
    /// <exception cref="GraftException">A setting, file or model is at fault, or the loss is not a number.</exception>
    /// <exception cref="TrainingInterruptedException">It was cancelled; a call with <c>Resume</c> goes on bit for bit.</exception>
    public static PretrainReport Run(
        PretrainSettings settings, Action<PretrainProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(settings);

        // What can be wrong is found before a run that is there is replaced, and before hours of reading.
        var method = PeftMethods.Get(settings.Method);
        var config = method.ReadConfig(settings.Set, "the settings of the method");
        var texts = new PretrainTexts(settings);
        string?[] read = settings.Config is null ? [ModelSources.Resolve(settings.Backbone)] : [settings.Config, settings.Tokenizer];
        PretrainedFolder.RefuseForeign(settings.Out, read.OfType<string>());
        RunFolder.Check(settings.Out, settings.ToJson(), settings.Resume, settings.Overwrite);
        var options = new BackboneOptions(DType.Float32, Device.Parse(settings.Device));
        var passes = options with { DType = Precisions.Parse(settings.Precision) };
        using var there = settings.Config is null ? LoadedBackbone.Load(settings.Backbone, options) : null;
        if (there is null)
        {
            FreshModel.Check(settings, method, config);
        }
        else
        {
            using var shape = Backbone.OfShape(there.Folder);
            PretrainCheck.Method(shape, method, method.Resolve(config, there.Tokenizer), there.Folder, isFresh: false);
            PretrainCheck.Corruption(settings, shape, there.Tokenizer);
            PretrainCheck.Head(there);
        }

        if (!settings.Resume)
        {
            PretrainedFolder.Clear(settings.Out);
        }

        var run = RunFolder.Open(settings.Out, settings.ToJson(), settings.Resume, settings.Overwrite);
        try
        {
            using var made = there is null ? LoadedBackbone.Load(FreshModel.Make(settings, texts, run, progress, cancellation), options) : null;
            var loaded = (there ?? made)!;

            // What trains begins at float32's values and is folded into them; only passes may be of another type.
            using var half = passes == options ? null : Backbone.Load(loaded.Folder, passes);
            return new PretrainWork(settings, texts, run, loaded, half ?? loaded.Backbone, method, method.Resolve(config, loaded.Tokenizer), progress).Run(cancellation);
        }
        catch (OperationCanceledException stop) when (stop is not TrainingInterruptedException && cancellation.IsCancellationRequested)
        {
            // While texts were read, or a tokenizer was made: the run is there, and goes on from its beginning.
            throw PretrainWork.Interrupted(run, 0);
        }
    }
}
