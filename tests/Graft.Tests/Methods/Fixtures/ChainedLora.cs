using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Tests.Methods.Fixtures;

/// <summary>
/// AdapterHub's stack of three gated LoRAs, in which each reads the delta of the one before: <c>δ_i = g_i(x) B_i A_i δ_{i-1}</c>, δ_0 = x, and only
/// δ_3 is added. Graft's own stack adds every update to the map instead, because this one cannot learn: with B_i = 0 at the start, every
/// gradient of A_i and B_i is zero and stays so.
/// </summary>
internal sealed class ChainedLora : SeamMethod
{
    private const int Rank = 8;

    public override string Name => "test-chained-lora";

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.Linear(SiteRole.Query))
        {
            builder.Put(site, new Chain(site, builder.Rng));
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) =>
        sites.Linear(SiteRole.Query).Sum(s => 3L * ((Rank * (s.In + s.Out)) + s.In + 1));

    private sealed class Chain : LinearPart
    {
        private readonly (Parameter A, Parameter B, Gate Gate)[] _links;

        public Chain(LinearSite site, Rng rng) => _links =
        [
            .. Enumerable.Range(0, 3).Select(i => (
                AddParameter($"{i}.lora_A", Init.KaimingUniform(rng, Rank, site.In, Math.Sqrt(5))),
                AddParameter($"{i}.lora_B", Tensor.Zeros([site.Out, Rank], DType.Float32, Device.Cpu)),
                AddChild($"{i}.gate", new Gate($"{site.Path}.{i}.gate", site.In, GateMode.Padded, rng)))),
        ];

        public override bool ReadsPadding => true;

        public override LinearHooks Hooks => LinearHooks.Delta;

        public override Tensor Delta(RowGroup rows, Tensor x) => _links.Aggregate(
            x, (delta, link) => F.Linear(F.Linear(delta, link.A), link.B) * link.Gate.Forward(rows, x));
    }
}
