using System.Globalization;
using Graft.Bench.Training;

// A training step on the BERT-base shape against the same step in PyTorch on the same libtorch.
// compare [ROUNDS] [BATCH] [TOKENS] alternates both at 1 and 2 threads; worker THREADS BATCH TOKENS is what it starts for Graft.
var number = (int at, int fallback) => args.Length > at ? int.Parse(args[at], CultureInfo.InvariantCulture) : fallback;
if (args is ["worker", ..])
{
    StepWorker.Serve(number(1, 1), number(2, 16), number(3, 128));
}
else
{
    Comparison.Run(number(1, 10), number(2, 16), number(3, 128));
}
