using Graft.Torch;

namespace Graft.Backbones.Sites;

/// <summary>
/// What a method puts at a site: a module with the parameters that act there. Parts of one adapter may share parameters by
/// holding the same child module. Parts keep no state between passes: what a pass computes once lives in the pass.
/// Thread contract: read concurrently by any number of passes, changed only by the optimizer between passes.
/// </summary>
/// <remarks>
/// Token states come as [B, T, W] of the part's rows. Where a batch has much padding the pass is packed: they then come as [1, n, W], the real
/// tokens of those rows end to end. What acts on every token alone need not care; what reads whole rows asks <see cref="RowGroup.TokenMean"/> and
/// gives a value back to the tokens of each row by <see cref="RowGroup.PerToken"/>.
/// </remarks>
public abstract class Part : Module
{
    /// <summary>Whether the part must have token states as [B, T, W] with their padding; passes with such a part are not packed.</summary>
    public virtual bool ReadsPadding => false;
}

/// <summary>Which hooks of a <see cref="LinearPart"/> do something; the site skips the rest.</summary>
[Flags]
public enum LinearHooks
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary><see cref="LinearPart.Input"/>.</summary>
    Input = 1,

    /// <summary><see cref="LinearPart.Delta"/>.</summary>
    Delta = 2,

    /// <summary><see cref="LinearPart.BeforeBias"/>.</summary>
    BeforeBias = 4,

    /// <summary><see cref="LinearPart.Output"/>.</summary>
    Output = 8,
}

/// <summary>
/// Acts at a linear map <c>y = W x + b</c>. With every hook the site computes, in this fixed order,
/// <c>y = Output(BeforeBias(W Input(x) + Delta(Input(x))) + b)</c>: scales that must cover the bias ((IA)3) use
/// <see cref="Output"/>, those that must not (weight decomposition) use <see cref="BeforeBias"/>. A change of the weight itself is a
/// <see cref="ParameterPart"/> at <see cref="LinearSite.Weight"/>.
/// </summary>
public abstract class LinearPart : Part
{
    /// <summary>The hooks this part implements.</summary>
    public abstract LinearHooks Hooks { get; }

    /// <summary>Changes the input of the map.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="x">[B, T, In], floating: the input of those rows.</param>
    /// <returns>[B, T, In].</returns>
    public virtual Tensor Input(RowGroup rows, Tensor x) => x;

    /// <summary>Computes what is added to <c>W x</c>.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="x">[B, T, In], floating: the input after <see cref="Input"/>.</param>
    /// <returns>[B, T, Out], or null for nothing.</returns>
    public virtual Tensor? Delta(RowGroup rows, Tensor x) => null;

    /// <summary>Changes the product before the bias is added.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="x">[B, T, In], floating: the input after <see cref="Input"/>.</param>
    /// <param name="y">[B, T, Out], floating: the product with the delta, without the bias.</param>
    /// <returns>[B, T, Out].</returns>
    public virtual Tensor BeforeBias(RowGroup rows, Tensor x, Tensor y) => y;

    /// <summary>Changes the finished output, bias included.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="x">[B, T, In], floating: the input after <see cref="Input"/>, for parts that gate by it.</param>
    /// <param name="y">[B, T, Out], floating.</param>
    /// <returns>[B, T, Out].</returns>
    public virtual Tensor Output(RowGroup rows, Tensor x, Tensor y) => y;
}

/// <summary>Which hooks of a <see cref="HiddenPart"/> do something.</summary>
[Flags]
public enum HiddenHooks
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary><see cref="HiddenPart.Before"/>.</summary>
    Before = 1,

    /// <summary><see cref="HiddenPart.Parallel"/>.</summary>
    Parallel = 2,

    /// <summary><see cref="HiddenPart.After"/>.</summary>
    After = 4,

    /// <summary><see cref="HiddenPart.After"/> reads the norm after the sublayer.</summary>
    ReadsNorm = 8,

    /// <summary><see cref="HiddenPart.Inner"/>.</summary>
    Inner = 16,

    /// <summary>Any that changes something.</summary>
    All = Before | Inner | Parallel | After,
}

/// <summary>
/// Acts at a sublayer <c>f</c> with residual x. With every hook the site computes, in this fixed order,
/// <c>a = After(drop(Inner(f(u))) + Parallel(u)) + x</c> with <c>u = Before(...)</c>. The sublayer's input and x are one state in a post-norm
/// backbone (BERT), which normalizes after the addition; in a pre-norm one (T5) the input is the normalized state, <c>u = Before(norm(x))</c>.
/// </summary>
public abstract class HiddenPart : Part
{
    /// <summary>The hooks this part implements; compositions of adapters ask, as not every mixture of hooks has an average.</summary>
    public virtual HiddenHooks Hooks => HiddenHooks.All | HiddenHooks.ReadsNorm;

    /// <summary>
    /// Whether what this part leaves is the state after the sublayer: the backbone then adds neither residual nor norm. Of several parts
    /// the last decides.
    /// </summary>
    public virtual bool EndsSublayer => false;

    /// <summary>Changes the sublayer's input.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="input">[B, T, W], floating.</param>
    /// <returns>[B, T, W].</returns>
    public virtual Tensor Before(RowGroup rows, Tensor input) => input;

    /// <summary>Changes the sublayer's output before the backbone's dropout, which the other hooks come after.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="output">[B, T, W], floating: the sublayer's output.</param>
    /// <returns>[B, T, W].</returns>
    public virtual Tensor Inner(RowGroup rows, Tensor output) => output;

    /// <summary>Computes what is added to the sublayer's output from its input.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="input">[B, T, W], floating: the sublayer's input.</param>
    /// <returns>[B, T, W], or null for nothing.</returns>
    public virtual Tensor? Parallel(RowGroup rows, Tensor input) => null;

    /// <summary>Changes the sublayer's output after dropout, before the residual is added.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="output">[B, T, W], floating: the sublayer's output with every parallel branch.</param>
    /// <param name="residual">[B, T, W], floating: what the backbone adds next.</param>
    /// <param name="norm">The layer norm that follows the residual addition (post-norm backbones), or null (pre-norm).</param>
    /// <returns>[B, T, W].</returns>
    public virtual Tensor After(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm) => output;
}

/// <summary>The backbone's own layer norm after a sublayer, for the rows of one group.</summary>
/// <param name="rows">The rows.</param>
/// <param name="h">[B, T, W], floating.</param>
/// <returns>[B, T, W].</returns>
public delegate Tensor SublayerNorm(RowGroup rows, Tensor h);

/// <summary>Virtual tokens of an attention sublayer for the rows of one group.</summary>
/// <param name="Keys">[B, H, P, D], floating: concatenated in front of the keys.</param>
/// <param name="Values">[B, H, P, D], floating: concatenated in front of the values.</param>
/// <param name="Mask">[B, P], floating, 1 where the virtual token may be attended to; null for everywhere.</param>
public readonly record struct KeyValuePrefix(Tensor Keys, Tensor Values, Tensor? Mask = null);

/// <summary>Puts virtual tokens in front of an attention's keys and values; queries are unchanged.</summary>
public abstract class KeyValuePart : Part
{
    /// <summary>Computes the virtual tokens.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="hidden">[B, T, W], floating: the attention's input, for parts that gate by it.</param>
    public abstract KeyValuePrefix Prefix(RowGroup rows, Tensor hidden);
}

/// <summary>Puts virtual tokens in front of the embedded text, or behind its first token.</summary>
public abstract class EmbeddingPart : Part
{
    /// <summary>
    /// Whether the virtual tokens stand in for word embeddings, to which the backbone then adds positions and segments and applies its
    /// norm (as HF PEFT does); otherwise they join what the embedding module puts out (as AdapterHub does).
    /// </summary>
    public virtual bool AsWords => false;

    /// <summary>Whether they stand behind the text's first token; otherwise in front of it.</summary>
    public virtual bool AfterFirst => false;

    /// <summary>Computes the virtual tokens.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="embedded">[B, T, W], floating: those rows as they are embedded so far, with the virtual tokens of earlier parts.</param>
    /// <returns>[B, P, W], of the type of <paramref name="embedded"/>.</returns>
    public abstract Tensor Prompt(RowGroup rows, Tensor embedded);
}

/// <summary>Replaces one parameter of the backbone, such as a bias or a norm's gain, for the rows that use it.</summary>
public abstract class ParameterPart : Part
{
    /// <summary>Computes the value to use.</summary>
    /// <param name="rows">The rows of the batch that use this part.</param>
    /// <param name="original">The backbone's value, or null where it has none (a missing bias counts as zero).</param>
    /// <returns>A tensor of the site's shape.</returns>
    public abstract Tensor Value(RowGroup rows, Tensor? original);
}
