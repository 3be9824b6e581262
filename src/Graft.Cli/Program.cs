using System.Runtime.InteropServices;
using Graft.Cli;

using var interrupt = new CancellationTokenSource();
using var sigint = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var sigterm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);

return await GraftCommandLine.RunAsync(args, Terminal.OfProcess(), interrupt.Token);

// The first signal asks the command to stop at a safe point; a second one ends the process at once.
void Interrupt(PosixSignalContext signal)
{
    if (interrupt.IsCancellationRequested)
    {
        return;
    }

    signal.Cancel = true;
    interrupt.Cancel();
}
