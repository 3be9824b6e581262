using Google.Protobuf;

namespace Graft.Training.TensorBoard;

/// <summary>A setting of a run by which TensorBoard's HPARAMS tab compares runs: a text or a number. Immutable.</summary>
public sealed record HyperParameter
{
    /// <summary>A setting that is a text.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="text">Its value.</param>
    public HyperParameter(string name, string text) => (Name, Text) = (name, text);

    /// <summary>A setting that is a number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="number">Its value.</param>
    public HyperParameter(string name, double number) => (Name, Number) = (name, number);

    /// <summary>Its name, the same in every run.</summary>
    public string Name { get; }

    /// <summary>Its value where that is a text.</summary>
    public string? Text { get; }

    /// <summary>Its value where that is a number.</summary>
    public double? Number { get; }

    /// <summary>Writes google.protobuf.Value.</summary>
    internal void WriteValue(CodedOutputStream output)
    {
        if (Number is { } number)
        {
            output.WriteNumber(2, number);
        }
        else
        {
            output.WriteText(3, Text!);
        }
    }
}
