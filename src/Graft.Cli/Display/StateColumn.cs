using Spectre.Console;
using Spectre.Console.Rendering;

namespace Graft.Cli.Display;

/// <summary>The column behind a bar that says in words how far a piece of work has come.</summary>
internal sealed class StateColumn : ProgressColumn
{
    private const string Key = "state";

    protected override bool NoWrap => true;

    /// <summary>Sets what the column says of a bar.</summary>
    public static void Set(ProgressTask task, string text) => task.State.Update<StateText>(Key, _ => new StateText(text));

    public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
        new Markup(Markup.Escape(task.State.Get<StateText>(Key).Value ?? ""), task.IsFinished ? Style.Plain : new Style(decoration: Decoration.Dim));

    private readonly record struct StateText(string Value);
}
