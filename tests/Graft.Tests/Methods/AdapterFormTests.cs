using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Graft.Backbones.Sites;
using Graft.Methods.Core;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods;

/// <summary>The settings of a method whose forms do not fit together.</summary>
/// <param name="Compact">Whether it is the stored form.</param>
public sealed record MismatchedConfig(bool Compact = false) : PeftConfig;

[JsonSerializable(typeof(MismatchedConfig))]
internal sealed partial class MismatchedJson : JsonSerializerContext;

/// <summary>The form that packages keep and the one that trains.</summary>
public sealed class AdapterFormTests
{
    [Fact]
    public void A_form_that_cannot_be_filled_leaves_no_copy_behind()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var rng = new Rng(1, Device.Cpu);
        var method = new MismatchedMethod();
        using var trained = method.Attach(backbone, "test", method.Defaults, rng);
        using var stored = method.Attach(backbone, "test", new MismatchedConfig(Compact: true), rng);
        var before = LeakCheck.Settled();

        Assert.Throws<InvalidOperationException>(() => CompactForm.Of(trained, backbone));
        Assert.Throws<InvalidOperationException>(() => TrainingForm.Of(stored, backbone));

        Assert.Equal(before, LiveTensors.Count);
    }

    /// <summary>Stores what its training form does not have, and the other way round.</summary>
    private sealed class MismatchedMethod : PeftMethod<MismatchedConfig>
    {
        public override string Name => "test-mismatched";

        public override string Summary => "test";

        public override string Source => "test";

        protected override JsonTypeInfo<MismatchedConfig> Json => MismatchedJson.Default.MismatchedConfig;

        public override PeftConfig Stored(PeftConfig config) => new MismatchedConfig(Compact: true);

        public override PeftConfig Trainable(PeftConfig config) => new MismatchedConfig();

        protected override void Attach(AdapterBuilder builder, MismatchedConfig config)
        {
            var site = builder.Hidden(SiteRole.FeedForward)[0];
            builder.Put(site, new Named(config.Compact ? "stored" : "trained", site.Width));
        }

        protected override long CountParameters(MismatchedConfig config, SiteMap sites, int tasks) => sites.Hidden(SiteRole.FeedForward).First().Width;

        private sealed class Named : HiddenPart
        {
            public Named(string name, int width) => AddParameter(name, Tensor.Zeros([width]));

            public override HiddenHooks Hooks => HiddenHooks.None;
        }
    }
}
