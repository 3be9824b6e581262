using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Tests.Methods;

/// <summary>The rank of the test's method.</summary>
public sealed record SharingConfig(int Rank = 2) : PeftConfig;

/// <summary>
/// The smallest method whose adapter holds several tasks: <c>y = W x + b + B diag(s_t) A x</c> at the queries, A and B shared by the tasks, a vector s_t
/// for each; with a term of the loss that pulls each s_t of the batch to one. A task alone is a LoRA.
/// </summary>
public sealed class SharingMethod : PeftMethod<SharingConfig>
{
    public override string Name => "test-sharing";

    public override string Summary => "test";

    public override string Source => "test";

    public override bool SharesAcrossTasks => true;

    protected override JsonTypeInfo<SharingConfig> Json => SharingJson.Default.SharingConfig;

    public override Adapter Standalone(Adapter adapter, string task, Backbone backbone)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(0, Device.Cpu);
        var lora = PeftMethods.Get("lora");
        var rank = ((SharingConfig)adapter.Config).Rank;
        var alone = lora.Attach(backbone, task, lora.ReadConfig(new JsonObject { ["rank"] = rank, ["alpha"] = rank, ["targets"] = "query" }, "the test"), rng);
        var own = adapter.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter.Value.Detach(), StringComparer.Ordinal);
        foreach (var (path, parameter) in alone.NamedParameters())
        {
            parameter.Assign(path.EndsWith("lora_A", StringComparison.Ordinal) ? own[path] : own[path] * own[$"tasks.{task}.part.scales"]);
        }

        return alone;
    }

    protected override void Attach(AdapterBuilder builder, SharingConfig config)
    {
        var scales = builder.Tasks.ToDictionary(t => t, t => builder.OfTask(t, "part", new Scales(config.Rank, builder.Rng)), StringComparer.Ordinal);
        builder.AuxiliaryLoss((_, groups, _) => groups.Select(g => (scales[g.Task!].Value.Value - 1).Square().Mean() * 0.01).Aggregate((a, b) => a + b));
        foreach (var site in builder.Linear(SiteRole.Query))
        {
            builder.Put(site, new SharingPart(site, config.Rank, scales, builder.Rng));
        }
    }

    protected override long CountParameters(SharingConfig config, SiteMap sites, int tasks) =>
        sites.Linear(SiteRole.Query).Sum(s => (long)config.Rank * (s.In + s.Out)) + ((long)tasks * config.Rank);

    [ModuleInitializer]
    internal static void Register() => PeftMethods.Register(new SharingMethod());

    private sealed class Scales : Module
    {
        public Scales(int rank, Rng rng) => Value = AddParameter("scales", rng.Normal([rank], 1, 0.5));

        public Parameter Value { get; }
    }

    private sealed class SharingPart : LinearPart
    {
        private readonly Parameter _a;
        private readonly Parameter _b;
        private readonly Dictionary<string, Scales> _scales;

        public SharingPart(LinearSite site, int rank, Dictionary<string, Scales> scales, Rng rng)
        {
            _a = AddParameter("lora_A", rng.Normal([rank, site.In], 0, 0.3));
            _b = AddParameter("lora_B", Tensor.Zeros([site.Out, rank], DType.Float32, Device.Cpu));
            _scales = scales;
        }

        public override LinearHooks Hooks => LinearHooks.Delta;

        public override Tensor Delta(RowGroup rows, Tensor x) =>
            F.Linear(F.Linear(x.To(_a.Value.DType), _a) * _scales[rows.Task!].Value.Value, _b).To(x.DType);
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(SharingConfig))]
internal sealed partial class SharingJson : JsonSerializerContext;
