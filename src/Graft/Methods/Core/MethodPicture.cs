using System.Text.Json.Serialization;

namespace Graft.Methods.Core;

/// <summary>
/// A picture of what an adapter learnt, which a method gives in its own file (<see cref="PeftMethod.Pictures"/>) and a report draws. Data
/// alone, no drawing. Immutable.
/// </summary>
/// <param name="Title">What is shown, in a few words.</param>
/// <param name="Summary">How the numbers are computed and how to read them, in one or two sentences.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(HeatMap), "heat_map")]
[JsonDerivedType(typeof(Scatter), "scatter")]
public abstract record MethodPicture(string Title, string Summary);

/// <summary>A table of coloured cells.</summary>
/// <param name="Title">What is shown, in a few words.</param>
/// <param name="Summary">How the numbers are computed and how to read them.</param>
/// <param name="X">What a column is.</param>
/// <param name="Y">What a row is.</param>
/// <param name="Value">What a cell's number is.</param>
/// <param name="Cells">The cells; columns and rows are drawn in the order in which they first come.</param>
public sealed record HeatMap(string Title, string Summary, string X, string Y, string Value, IReadOnlyList<HeatMapCell> Cells)
    : MethodPicture(Title, Summary);

/// <summary>A cell of a <see cref="HeatMap"/>.</summary>
/// <param name="X">Its column.</param>
/// <param name="Y">Its row.</param>
/// <param name="Value">Its number.</param>
public sealed record HeatMapCell(string X, string Y, double Value);

/// <summary>Points in a plane.</summary>
/// <param name="Title">What is shown, in a few words.</param>
/// <param name="Summary">How the numbers are computed and how to read them.</param>
/// <param name="X">What the horizontal axis is.</param>
/// <param name="Y">What the vertical axis is.</param>
/// <param name="Points">The points.</param>
public sealed record Scatter(string Title, string Summary, string X, string Y, IReadOnlyList<ScatterPoint> Points)
    : MethodPicture(Title, Summary);

/// <summary>A point of a <see cref="Scatter"/>.</summary>
/// <param name="X">Its horizontal place.</param>
/// <param name="Y">Its vertical place.</param>
/// <param name="Label">What it is.</param>
/// <param name="Group">What decides its colour, such as the task.</param>
/// <param name="Marked">Whether it is drawn large, as what its group gathers round.</param>
public sealed record ScatterPoint(double X, double Y, string Label, string Group, bool Marked = false);
