using System.Runtime.CompilerServices;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Tests.Methods;

/// <summary>Methods that leave a parameter untrained, in the ways in which that happens by mistake; the trainer must refuse them.</summary>
/// <param name="name">The method's name.</param>
/// <param name="wakes">The step from which the parameter takes part, from 1; 0 for never.</param>
/// <param name="zeroed">Whether the parameter takes part, behind a zero.</param>
/// <param name="mayRest">What the method says of itself.</param>
internal sealed class UntrainedMethod(string name, int wakes = 0, bool zeroed = false, bool mayRest = false) : SeamMethod
{
    public override string Name => name;

    public override bool MayRest(PeftConfig config) => mayRest;

    protected override void Attach(AdapterBuilder builder, SeamConfig config)
    {
        foreach (var site in builder.Hidden(SiteRole.FeedForward))
        {
            var part = new SilentPart(site.Width, zeroed);
            builder.Put(site, part);
            builder.AroundOptimizerStep(after: step => part.Awake = wakes > 0 && step + 1 >= wakes);
        }
    }

    protected override long CountParameters(SeamConfig config, SiteMap sites, int tasks) => sites.Hidden(SiteRole.FeedForward).Sum(s => 2L * s.Width);

    [ModuleInitializer]
    internal static void RegisterAll()
    {
        PeftMethods.Register(new UntrainedMethod("test-unused"));
        PeftMethods.Register(new UntrainedMethod("test-stacked-zeros", zeroed: true));
        PeftMethods.Register(new UntrainedMethod("test-resting", wakes: 20, mayRest: true));
        PeftMethods.Register(new UntrainedMethod("test-resting-for-ever", mayRest: true));
    }

    private sealed class SilentPart : HiddenPart
    {
        private readonly Parameter _shift;
        private readonly Parameter _silent;
        private readonly bool _zeroed;

        public SilentPart(int width, bool zeroed)
        {
            _shift = AddParameter("shift", Tensor.Zeros([width]));
            _silent = AddParameter("silent", Tensor.Zeros([width]));
            _zeroed = zeroed;
        }

        public bool Awake { get; set; }

        public override Tensor After(RowGroup rows, Tensor output, Tensor residual, SublayerNorm? norm)
        {
            var shifted = output + _shift;
            return _zeroed ? shifted + (_silent.Value * 0.0) : Awake ? shifted + _silent : shifted;
        }
    }
}
