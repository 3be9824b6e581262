using System.Text;
using Spectre.Console;

namespace Graft.Cli;

/// <summary>
/// Where a command writes: results to <see cref="Out"/> (standard output), everything that a person watches to
/// <see cref="Notes"/> (standard error).
/// </summary>
internal sealed class Terminal
{
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    private Terminal(IAnsiConsole output, IAnsiConsole notes)
    {
        Data = output;
        Notes = notes;
    }

    /// <summary>Results as plain lines.</summary>
    public TextWriter Out => Data.Profile.Out.Writer;

    /// <summary>Results as tables; colours only where standard output is a terminal.</summary>
    public IAnsiConsole Data { get; }

    /// <summary>Progress, remarks and errors.</summary>
    public IAnsiConsole Notes { get; }

    /// <summary>Whether a live display (bars that redraw) makes sense on <see cref="Notes"/>.</summary>
    public bool IsLive => Notes.Profile.Capabilities.Interactive && Notes.Profile.Capabilities.Ansi;

    /// <summary>Whether faults are shown with their stack trace.</summary>
    public bool Verbose { get; set; }

    /// <summary>The terminal of this process.</summary>
    public static Terminal OfProcess() => new(
        Open(Console.OpenStandardOutput(), Console.IsOutputRedirected),
        Open(Console.OpenStandardError(), Console.IsErrorRedirected));

    /// <summary>A terminal that writes plain text without colours, as when both streams are redirected.</summary>
    public static Terminal Plain(TextWriter output, TextWriter notes) => new(Over(output, plain: true), Over(notes, plain: true));

    /// <summary>A terminal that draws bars and colours whatever it writes to, as for a person.</summary>
    public static Terminal Drawing(TextWriter output, TextWriter notes) => new(Over(output, plain: false, draws: true), Over(notes, plain: false, draws: true));

    /// <summary>Writes a remark: one plain line on standard error.</summary>
    public void Note(string line) => Notes.Profile.Out.Writer.WriteLine(line);

    private static IAnsiConsole Open(Stream stream, bool redirected) =>
        Over(new StreamWriter(stream, s_utf8) { AutoFlush = true }, redirected);

    private static IAnsiConsole Over(TextWriter writer, bool plain, bool draws = false)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = plain ? AnsiSupport.No : draws ? AnsiSupport.Yes : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = plain ? InteractionSupport.No : InteractionSupport.Yes,
        });
        console.Profile.Capabilities.Unicode = true;
        if (plain)
        {
            console.Profile.Width = 1000; // a file has no width: never wrap
        }

        return console;
    }
}
