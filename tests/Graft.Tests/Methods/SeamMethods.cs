using System.Runtime.CompilerServices;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Tests.Methods.Fixtures;
using Graft.Torch;

namespace Graft.Tests.Methods;

/// <summary>No settings.</summary>
public sealed record SeamConfig : PeftConfig;

[JsonSerializable(typeof(SeamConfig))]
internal sealed partial class SeamJson : JsonSerializerContext;

/// <summary>The smallest methods that use what is hard in the seam, each in the shape of a published one.</summary>
internal abstract class SeamMethod : PeftMethod<SeamConfig>
{
    public override string Summary => "test";

    public override string Source => "test";

    protected override JsonTypeInfo<SeamConfig> Json => SeamJson.Default.SeamConfig;

    [ModuleInitializer]
    internal static void Register()
    {
        PeftMethods.Register(new MaskedPrototype());
        PeftMethods.Register(new GeneratedAdapters());
        PeftMethods.Register(new FlatPrefix());
        PeftMethods.Register(new SoftPrompt());
        PeftMethods.Register(new OutputScale());
        PeftMethods.Register(new RowNorm());
        PeftMethods.Register(new BiasOnly());
        PeftMethods.Register(new InputShift());
        PeftMethods.Register(new ChainedLora());
    }
}

/// <summary>
/// As PROPETL: one bottleneck shared by all layers, a binary mask per layer and task from real scores with a straight-through gradient, and
/// scores with a learning rate of their own.
/// </summary>
internal sealed class MaskedPrototype : SeamMethod
{
    public override string Name => "test-masked-prototype";

    public override bool IsIdentityAtStart(PeftConfig config) => false;

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.Hidden(SiteRole.FeedForward))
        {
            var prototype = builder.Shared("prototype", () => new Prototype(site.Width, builder.Rng));
            builder.Put(site, new MaskedPart(prototype, builder.Tasks, builder.Rng));
        }

        var scores = new List<Parameter>();
        builder.Group(new AdapterGroup("scores", scores, LearningRate: 3e-2, WeightDecay: 0));
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks)
    {
        var layers = sites.Hidden(SiteRole.FeedForward).ToList();
        return (2L * 4 * layers[0].Width) + (layers.Count * tasks * 4L * layers[0].Width);
    }

    private sealed class Prototype : Module
    {
        public Prototype(int width, Rng rng)
        {
            Down = AddParameter("down", rng.Normal([4, width], 0, 0.3));
            Up = AddParameter("up", rng.Normal([width, 4], 0, 0.3));
        }

        public Parameter Down { get; }

        public Parameter Up { get; }
    }

    private sealed class MaskedPart : HiddenPart
    {
        private readonly Prototype _prototype;
        private readonly Dictionary<string, Parameter> _scores;

        public MaskedPart(Prototype prototype, IReadOnlyList<string> tasks, Rng rng)
        {
            _prototype = prototype;
            _scores = tasks.ToDictionary(t => t, t => AddParameter("scores." + t, rng.Normal(prototype.Down.Value.Shape, 0, 1)), StringComparer.Ordinal);
        }

        public override Tensor After(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm)
        {
            var scores = _scores[rows.Task!].Value;
            var mask = scores.Detach().Gt(0).To(scores.DType) + scores - scores.Detach();
            return output + F.Linear(F.Linear(output.To(mask.DType), _prototype.Down.Value * mask).Relu(), _prototype.Up).To(output.DType);
        }
    }
}

/// <summary>As PHA and HyperFormer: a hypernetwork generates each task's up-projection once per pass, and adds an auxiliary loss.</summary>
internal sealed class GeneratedAdapters : SeamMethod
{
    public override string Name => "test-generated";

    public override bool IsIdentityAtStart(PeftConfig config) => false;

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        var width = builder.Hidden(SiteRole.FeedForward)[0].Width;
        var generator = builder.Shared("generator", () => new Generator(width, builder.Tasks, builder.Rng));
        builder.Prepare((pass, groups) => pass.Set(
            generator, groups.Select(g => g.Task!).Distinct(StringComparer.Ordinal).ToDictionary(t => t, generator.Generate, StringComparer.Ordinal)));
        builder.AuxiliaryLoss((pass, groups, output) =>
        {
            Tensor? sum = null;
            foreach (var group in groups)
            {
                var own = output.LastHiddenState.Narrow(0, group.Start, group.Count).Mean();
                var term = (own * own) + generator.Embeddings[group.Task!].Value.Square().Mean();
                sum = sum is null ? term : sum + term;
            }

            return sum;
        });
        foreach (var site in builder.Hidden(SiteRole.FeedForward))
        {
            builder.Put(site, new GeneratedPart(generator));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks)
    {
        var width = sites.Hidden(SiteRole.FeedForward).First().Width;
        return (3L * tasks) + (3L * width * width);
    }

    private sealed class Generator : Module
    {
        private readonly Parameter _map;
        private readonly int _width;

        public Generator(int width, IReadOnlyList<string> tasks, Rng rng)
        {
            _width = width;
            Embeddings = tasks.ToDictionary(t => t, t => AddParameter("task." + t, rng.Normal([3], 0, 1)), StringComparer.Ordinal);
            _map = AddParameter("map", rng.Normal([width * width, 3], 0, 0.05));
        }

        public Dictionary<string, Parameter> Embeddings { get; }

        public Tensor Generate(string task) => _map.Value.MatMul(Embeddings[task]).View(_width, _width);
    }

    private sealed class GeneratedPart(Generator generator) : HiddenPart
    {
        public override Tensor Parallel(RowGroup rows, Tensor input) =>
            F.Linear(input, rows.Pass.Get<Dictionary<string, Tensor>>(generator)[rows.Task!].To(input.DType));
    }
}

/// <summary>As prefix tuning: virtual keys and values, with a mask, in every attention.</summary>
internal sealed class FlatPrefix : SeamMethod
{
    public override string Name => "test-prefix";

    public override bool IsIdentityAtStart(PeftConfig config) => false;

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.KeyValue(SiteRole.SelfAttention))
        {
            builder.Put(site, new PrefixPart(site, 3, builder.Rng));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) =>
        sites.KeyValue(SiteRole.SelfAttention).Sum(s => 2L * 3 * s.Heads * s.HeadSize);

    private sealed class PrefixPart : KeyValuePart
    {
        private readonly Parameter _keys;
        private readonly Parameter _values;

        public PrefixPart(KeyValueSite site, int length, Rng rng)
        {
            _keys = AddParameter("keys", rng.Normal([1, site.Heads, length, site.HeadSize], 0, 0.5));
            _values = AddParameter("values", rng.Normal([1, site.Heads, length, site.HeadSize], 0, 0.5));
        }

        public override KeyValuePrefix Prefix(RowGroup rows, Tensor hidden) => new(
            _keys.Value.Expand(rows.Count, -1, -1, -1).To(hidden.DType), _values.Value.Expand(rows.Count, -1, -1, -1).To(hidden.DType));
    }
}

/// <summary>As prompt tuning: virtual tokens in front of the embedded text.</summary>
internal sealed class SoftPrompt : SeamMethod
{
    public override string Name => "test-prompt";

    public override bool IsIdentityAtStart(PeftConfig config) => false;

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.Backbone.Sites.Embeddings)
        {
            builder.Put(site, new PromptPart(site.Width, builder.Rng));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) => sites.Embeddings.Sum(s => 2L * s.Width);

    private sealed class PromptPart : EmbeddingPart
    {
        private readonly Parameter _prompt;

        public PromptPart(int width, Rng rng) => _prompt = AddParameter("prompt", rng.Normal([1, 2, width], 0, 1));

        public override Tensor Prompt(RowGroup rows, Tensor embedded) => _prompt.Value.Expand(rows.Count, -1, -1).To(embedded.DType);
    }
}

/// <summary>As (IA)3: scales outputs, bias included; merges.</summary>
internal sealed class OutputScale : SeamMethod
{
    public override string Name => "test-output-scale";

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.Linear(SiteRole.Key | SiteRole.Value | SiteRole.FeedForwardIn))
        {
            builder.Put(site, new ScalePart(site.Out));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) =>
        sites.Linear(SiteRole.Key | SiteRole.Value | SiteRole.FeedForwardIn).Sum(s => (long)s.Out);

    private sealed class ScalePart : LinearPart, IMergeable
    {
        private readonly Parameter _scale;

        public ScalePart(int width) => _scale = AddParameter("scale", Tensor.Ones([width]));

        public override LinearHooks Hooks => LinearHooks.Output;

        public override Tensor Output(RowGroup rows, Tensor x, Tensor y) => y * _scale.Value.To(y.DType);

        public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias) =>
            (weight * _scale.Value.Unsqueeze(1), bias is null ? null : bias * _scale);
    }
}

/// <summary>As weight decomposition: scales the product before the bias, together with a low-rank delta.</summary>
internal sealed class RowNorm : SeamMethod
{
    public override string Name => "test-before-bias";

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.Linear(SiteRole.Query))
        {
            builder.Put(site, new RowPart(site.Out));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) => sites.Linear(SiteRole.Query).Sum(s => (long)s.Out);

    public override bool IsIdentityAtStart(PeftConfig config) => false;

    private sealed class RowPart : LinearPart, IMergeable
    {
        private readonly Parameter _scale;

        public RowPart(int width) => _scale = AddParameter("scale", Tensor.Full([width], 1.5));

        public override LinearHooks Hooks => LinearHooks.BeforeBias;

        public override Tensor BeforeBias(RowGroup rows, Tensor x, Tensor y) => y * _scale.Value.To(y.DType);

        public (Tensor Weight, Tensor? Bias) Merge(Tensor weight, Tensor? bias) => (weight * _scale.Value.Unsqueeze(1), bias);
    }
}

/// <summary>As BitFit: trained copies of biases and norms.</summary>
internal sealed class BiasOnly : SeamMethod
{
    public override string Name => "test-biases";

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in Sites(builder.Backbone.Sites))
        {
            builder.Put(site, new BiasPart(site.Parameter!));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) => Sites(sites).Sum(s => s.Shape[0]);

    private static IEnumerable<ParameterSite> Sites(SiteMap sites) =>
        sites.Parameters.Where(s => s is { Parameter: not null, Kind: ParameterKind.Bias or ParameterKind.NormBias or ParameterKind.NormGain });

    private sealed class BiasPart : ParameterPart
    {
        private readonly Parameter _value;

        public BiasPart(Tensor original) => _value = AddParameter("bias", original.Detach().To(DType.Float32).Clone());

        public override Tensor Value(RowGroup rows, Tensor? original) => _value.Value.To(original!.DType);
    }
}

/// <summary>Changes the input of linear maps and of a sublayer, with dropout.</summary>
internal sealed class InputShift : SeamMethod
{
    public override string Name => "test-input";

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.Linear(SiteRole.FeedForwardOut))
        {
            builder.Put(site, new ShiftPart(site.In));
        }

        foreach (var site in builder.Hidden(SiteRole.SelfAttention))
        {
            builder.Put(site, new BeforePart(site.Width));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) =>
        sites.Linear(SiteRole.FeedForwardOut).Sum(s => (long)s.In) + sites.Hidden(SiteRole.SelfAttention).Sum(s => (long)s.Width);

    private sealed class ShiftPart : LinearPart
    {
        private readonly Parameter _scale;

        public ShiftPart(int width) => _scale = AddParameter("scale", Tensor.Ones([width]));

        public override LinearHooks Hooks => LinearHooks.Input;

        public override Tensor Input(RowGroup rows, Tensor x) => AdapterPass.Dropout(rows.Pass, x * _scale.Value.To(x.DType), 0.1);
    }

    private sealed class BeforePart : HiddenPart
    {
        private readonly Parameter _scale;

        public BeforePart(int width) => _scale = AddParameter("scale", Tensor.Ones([width]));

        public override Tensor Before(RowGroup rows, Tensor input) => input * _scale.Value.To(input.DType);
    }
}
