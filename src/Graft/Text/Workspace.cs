using Graft.Text.Models;
using Graft.Text.Normalizers;
using Graft.Text.PreTokenizers;
using Graft.Text.Processing;

namespace Graft.Text;

/// <summary>The buffers and the word memory that one thread needs to encode. Thread contract: one thread.</summary>
internal sealed class Workspace
{
    public SplitText Split { get; } = new();

    public AlignedText Scratch { get; } = new();

    public WordCache Words { get; } = new();

    public TokenList First { get; } = new();

    public TokenList Second { get; } = new();
}
