using System.Text.Json;
using System.Text.Json.Serialization;
using Graft.Backbones.Sites;
using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>
/// A trained copy of one parameter of the backbone, <c>θ' = θ + Δ</c>, kept in float32 whatever the frozen weights' type; zeros where
/// the backbone lacks the bias. Merges by taking the backbone's place.
/// </summary>
internal sealed class TrainedCopy : ParameterPart
{
    private readonly Parameter _value;
    private readonly DType _frozen;

    public TrainedCopy(ParameterSite site, DType frozen)
    {
        _frozen = frozen;
        _value = AddParameter("value", site.Parameter is { } original
            ? original.Value.Detach().To(DType.Float32).Clone()
            : Tensor.Zeros([.. site.Shape], DType.Float32, Device.Cpu));
    }

    public override Tensor Value(RowGroup rows, Tensor? original) => _value.Value.To(original?.DType ?? _frozen);
}

/// <summary>Which biases of the backbone a method trains besides its own parameters.</summary>
[JsonConverter(typeof(TrainedBiasesJson))]
public enum TrainedBiases
{
    /// <summary>None.</summary>
    None,

    /// <summary>Those of all linear maps and norms in the blocks and of the norm of the embeddings.</summary>
    All,

    /// <summary>Those of the linear maps that the method adapts.</summary>
    Adapted,
}

/// <summary>Trains whole parameters of the backbone as copies beside the frozen ones.</summary>
internal static class TrainedCopies
{
    /// <summary>Puts a trained copy at each of the given parameters.</summary>
    public static void Train(this AdapterBuilder builder, IEnumerable<ParameterSite> sites)
    {
        foreach (var site in sites)
        {
            builder.Put(site, new TrainedCopy(site, builder.Backbone.DType));
        }
    }

    /// <summary>The number of elements of parameters.</summary>
    public static long Elements(this IEnumerable<ParameterSite> sites) =>
        sites.Sum(s => s.Shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>The biases that the backbone has among those that <paramref name="which"/> selects.</summary>
    public static IEnumerable<ParameterSite> Biases(this SiteMap sites, TrainedBiases which, IEnumerable<LinearSite> adapted) => which switch
    {
        TrainedBiases.All => sites.Parameters.Where(s => s.Parameter is not null && s.IsBias()),
        TrainedBiases.Adapted => adapted.Select(s => s.Bias).Where(s => s.Parameter is not null),
        _ => [],
    };

    /// <summary>Whether a parameter is a bias of a linear map in a block or of a norm; a pooler's is none, as not every head reads it.</summary>
    public static bool IsBias(this ParameterSite site) =>
        site.Kind == ParameterKind.NormBias || (site.Kind == ParameterKind.Bias && site.Sublayer != SiteRole.None);
}

/// <summary>The choices by their names in lower case.</summary>
internal sealed class TrainedBiasesJson() : JsonStringEnumConverter<TrainedBiases>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);
