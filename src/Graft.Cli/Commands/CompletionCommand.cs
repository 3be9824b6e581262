using System.CommandLine;
using Graft.Torch;

namespace Graft.Cli.Commands;

/// <summary><c>graft completion SHELL</c>: prints the script that teaches a shell to complete graft's words.</summary>
internal sealed class CompletionCommand : CommandWithExamples
{
    // Each script asks the command itself (the [suggest] directive), so names of tasks and methods are always current.
    private static readonly Dictionary<string, string> s_scripts = new(StringComparer.Ordinal)
    {
        ["bash"] = """
            _graft_complete() {
              local line="${COMP_LINE:0:$COMP_POINT}" rest words
              rest="${line#"${COMP_WORDS[0]}"}"
              rest="${rest# }"
              words="$("${COMP_WORDS[0]}" "[suggest:${#rest}]" "$rest" 2>/dev/null)"
              mapfile -t COMPREPLY < <(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}")
            }
            complete -o default -F _graft_complete graft ./graft
            """,
        ["zsh"] = """
            #compdef graft
            _graft_complete() {
              local rest="${BUFFER[1,$CURSOR]#"${words[1]}"}"
              rest="${rest# }"
              local -a found
              found=("${(@f)$("${words[1]}" "[suggest:${#rest}]" "$rest" 2>/dev/null)}")
              compadd -- $found || _files
            }
            compdef _graft_complete graft ./graft
            """,
        ["fish"] = """
            function __graft_complete
              set -l line (commandline -cp)
              set -l words (commandline -opc)
              set -l rest (string replace -r '^\S+\s?' '' -- $line)
              $words[1] "[suggest:"(string length -- $rest)"]" "$rest" 2>/dev/null
            end
            complete -c graft -a '(__graft_complete)'
            """,
    };

    public CompletionCommand(Terminal terminal)
        : base(
            "completion",
            "Print the completion script of a shell.",
            "source <(graft completion bash)                                 # this session",
            "graft completion bash >> ~/.bash_completion                     # every session")
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish." };
        shell.CompletionSources.Add([.. s_scripts.Keys]);
        Add(shell);
        SetAction(parsed => Print(terminal, parsed.GetRequiredValue(shell)));
    }

    private static int Print(Terminal terminal, string shell)
    {
        if (!s_scripts.TryGetValue(shell, out string? script))
        {
            throw new GraftException($"There is no completion script for '{shell}'; choose one of {string.Join(", ", s_scripts.Keys)}.");
        }

        terminal.Out.WriteLine(script);
        return ExitCode.Success;
    }
}
