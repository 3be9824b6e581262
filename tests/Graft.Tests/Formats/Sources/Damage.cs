using FsCheck;
using FsCheck.Fluent;
using Graft.Torch;

namespace Graft.Tests.Formats.Sources;

/// <summary>Damages files for tests that readers fail in one way only.</summary>
internal static class Damage
{
    /// <summary>The content cut short, or with some bytes changed, or both.</summary>
    public static Gen<byte[]> Of(byte[] content) =>
        from length in Gen.Frequency((1, Gen.Choose(0, content.Length)), (2, Gen.Constant(content.Length)))
        from changes in Gen.ListOf(from place in Gen.Choose(0, Math.Max(length - 1, 0)) from value in Gen.Choose(0, 255) select (place, value), 6)
        select Apply(content, length, changes);

    /// <summary>Runs a reader; the one error it may end in is the user's.</summary>
    public static void Allows(Action read)
    {
        try
        {
            read();
        }
        catch (GraftException fault) when (fault.Message.Length > 0)
        {
            // the expected end for most damage
        }
    }

    private static byte[] Apply(byte[] content, int length, IEnumerable<(int Place, int Value)> changes)
    {
        var damaged = content[..length];
        foreach (var (place, value) in changes)
        {
            if (place < length)
            {
                damaged[place] = (byte)value;
            }
        }

        return damaged;
    }
}
