using System.Text.Json.Nodes;
using Graft.Backbones.Sites;
using Graft.Text;

namespace Graft.Methods.Core;

/// <summary>A method that is several others in one adapter; parameters are called as in adapters of their own.</summary>
/// <typeparam name="TConfig">The settings' record.</typeparam>
public abstract class UnionMethod<TConfig> : PeftMethod<TConfig>
    where TConfig : PeftConfig
{
    /// <inheritdoc/>
    public override bool IsIdentityAtStart(PeftConfig config) => Parts((TConfig)config).All(p => p.Method.IsIdentityAtStart(p.Config));

    /// <inheritdoc/>
    public override int PositionsTaken(PeftConfig config) => Parts((TConfig)config).Sum(p => p.Method.PositionsTaken(p.Config));

    /// <inheritdoc/>
    public override bool MayRest(PeftConfig config) => Parts((TConfig)config).Any(p => p.Method.MayRest(p.Config));

    /// <inheritdoc/>
    public override bool ReadsPadding(PeftConfig config) => Parts((TConfig)config).Any(p => p.Method.ReadsPadding(p.Config));

    /// <inheritdoc/>
    public sealed override IReadOnlyList<UnionPart> Parts(PeftConfig config) => Parts((TConfig)config);

    /// <summary>The methods and their settings, in the order in which they attach.</summary>
    /// <param name="config">The union's settings.</param>
    protected abstract IReadOnlyList<UnionPart> Parts(TConfig config);

    /// <inheritdoc/>
    protected override void Attach(AdapterBuilder builder, TConfig config)
    {
        foreach (var part in Parts(config))
        {
            builder.Attach(part.Method, part.Config);
        }
    }

    /// <inheritdoc/>
    protected override long CountParameters(TConfig config, SiteMap sites, int tasks) =>
        Parts(config).Sum(p => p.Method.CountParameters(p.Config, sites, tasks));
}

/// <summary>A method within a union. Immutable.</summary>
/// <param name="Method">The method.</param>
/// <param name="Config">Its settings.</param>
public sealed record UnionPart(PeftMethod Method, PeftConfig Config)
{
    /// <summary>A part by the method's name.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="set">Its settings; what they do not name keeps its default.</param>
    /// <exception cref="Graft.Torch.GraftException">No such method, or a setting that it does not have or refuses.</exception>
    public static UnionPart Of(string method, JsonObject? set = null)
    {
        var found = PeftMethods.Get(method);
        return new UnionPart(found, found.ReadConfig(set, $"the part '{method}'"));
    }

    /// <summary>A part by the method's name, with settings made from its defaults.</summary>
    /// <typeparam name="TConfig">The type of the method's settings.</typeparam>
    /// <param name="method">The method's name.</param>
    /// <param name="set">Makes the settings from the defaults.</param>
    public static UnionPart Of<TConfig>(string method, Func<TConfig, TConfig> set)
        where TConfig : PeftConfig
    {
        var found = PeftMethods.Get(method);
        return new UnionPart(found, set((TConfig)found.Defaults));
    }

    /// <summary>The part in the form that packages keep.</summary>
    public UnionPart Stored() => this with { Config = Method.Stored(Config) };

    /// <summary>The part with text settings turned into token ids.</summary>
    /// <param name="tokenizer">The backbone's tokenizer.</param>
    public UnionPart Resolve(Tokenizer tokenizer) => this with { Config = Method.Resolve(Config, tokenizer) };

    /// <summary>The part as JSON: <c>method</c> and <c>set</c> with every setting.</summary>
    public JsonObject ToJson() => new() { ["method"] = Method.Name, ["set"] = Method.WriteConfig(Config) };
}
