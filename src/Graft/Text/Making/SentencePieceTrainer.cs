using System.ComponentModel;
using System.Diagnostics;
using Graft.Torch;

namespace Graft.Text.Making;

/// <summary>
/// Makes T5's unigram tokenizer with <c>spm_train</c>, the trainer of SentencePiece (Debian's package <c>sentencepiece</c>), which runs as a process of
/// its own: &lt;pad&gt;, &lt;/s&gt; and &lt;unk&gt; are the ids 0 to 2 as in T5, and there is no begin of a text. Stateless.
/// </summary>
internal static class SentencePieceTrainer
{
    /// <summary>The pieces that are no text.</summary>
    public const int Special = 3;

    private const string Program = "spm_train";
    private const int MostSentences = 2_000_000;
    private const int LongestSentence = 1 << 14;

    /// <summary>Refuses a machine without the program.</summary>
    /// <exception cref="GraftException">The program is not there.</exception>
    public static void Require()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        if (!folders.Any(f => File.Exists(Path.Combine(f, Program)) || File.Exists(Path.Combine(f, Program + ".exe"))))
        {
            throw Missing(null);
        }
    }

    /// <summary>Makes <c>spiece.model</c>.</summary>
    /// <param name="folder">The folder for the file.</param>
    /// <param name="texts">The texts.</param>
    /// <param name="pieces">The number of pieces.</param>
    /// <param name="seed">The seed of the draw of lines, where there are more than the trainer takes.</param>
    /// <param name="cancellation">Ends the process.</param>
    /// <exception cref="GraftException">The program is not there, or it fails.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static void Train(string folder, IEnumerable<string> texts, int pieces, long seed, CancellationToken cancellation)
    {
        var input = Path.Combine(folder, "sentences.txt");
        File.WriteAllLines(input, texts.SelectMany(t => t.Split('\n')).SelectMany(Sentences));

        // Names within the folder: the program takes a comma in a path for the end of it.
        var start = new ProcessStartInfo(Program) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false, WorkingDirectory = folder };
        string[] arguments =
        [
            $"--input={Path.GetFileName(input)}", "--model_prefix=spiece", $"--vocab_size={pieces}", "--model_type=unigram", "--pad_id=0", "--eos_id=1", "--unk_id=2",
            "--bos_id=-1", "--pad_piece=<pad>", "--eos_piece=</s>", "--unk_piece=<unk>", "--character_coverage=0.9999", $"--input_sentence_size={MostSentences}",
            "--shuffle_input_sentence=true", $"--random_seed={(ulong)seed % uint.MaxValue}", $"--max_sentence_length={LongestSentence}", "--num_threads=1", "--minloglevel=1",
        ];
        foreach (var argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        try
        {
            using var process = Process.Start(start)!;
            using var ended = cancellation.Register(process.Kill);
            var said = process.StandardError.ReadToEndAsync(cancellation);
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            cancellation.ThrowIfCancellationRequested();
            if (process.ExitCode != 0)
            {
                var last = said.GetAwaiter().GetResult().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).LastOrDefault() ?? "it says nothing";
                throw new GraftException($"{Program} could not make a tokenizer of {pieces} pieces ({last.TrimEnd('.')}); give another --vocabulary-size, or more text.");
            }
        }
        catch (Win32Exception fault)
        {
            throw Missing(fault);
        }
        finally
        {
            File.Delete(input);
            File.Delete(Path.Combine(folder, "spiece.vocab"));
        }
    }

    /// <summary>A line in parts that the program takes: it leaves longer ones out without a word.</summary>
    /// <param name="line">The line.</param>
    internal static IEnumerable<string> Sentences(string line)
    {
        // A character has at most three bytes, a pair of surrogates four.
        const int Longest = LongestSentence / 3;
        var at = 0;
        while (line.Length - at > Longest)
        {
            var blank = line.LastIndexOf(' ', at + Longest - 1, Longest);
            var end = blank > at ? blank : char.IsLowSurrogate(line[at + Longest]) ? at + Longest - 1 : at + Longest;
            yield return line[at..end];
            at = end;
        }

        if (!string.IsNullOrWhiteSpace(line[at..]))
        {
            yield return line[at..];
        }
    }

    private static GraftException Missing(Exception? fault) => new(
        $"A tokenizer for T5 is made by {Program}, which is not on this machine; install it (apt-get install sentencepiece), or give --tokenizer with a folder that has one.", fault!);
}
