using Graft.Torch;

namespace Graft.Methods.Core;

/// <summary>
/// The budget of ranks over all maps in a run of T steps, as AdaLoRA shrinks it (Zhang et al. 2023, eq. 10): <c>b(t) = b0</c> in the first ti
/// steps, <c>bT</c> in the last tf, and between them <c>bT + (b0 - bT) (1 - (t - ti) / (T - ti - tf))³</c>, rounded down.
/// </summary>
internal sealed class RankSchedule
{
    private readonly int _first;
    private readonly int _last;
    private readonly int _start;
    private readonly int _end;
    private readonly int _interval;

    /// <summary>Creates a schedule; times below 1 are shares of the run's steps, others are steps.</summary>
    /// <param name="first">b0.</param>
    /// <param name="last">bT, at most b0.</param>
    /// <param name="steps">T.</param>
    /// <param name="warmup">ti.</param>
    /// <param name="final">tf.</param>
    /// <param name="interval">The time from one choice of ranks to the next, at least a step.</param>
    /// <exception cref="GraftException">Warm-up and final phase leave no step.</exception>
    public RankSchedule(int first, int last, int steps, double warmup, double final, double interval)
    {
        (_first, _last) = (first, last);
        _start = Steps(warmup);
        _end = steps - Steps(final);
        _interval = Math.Max(1, Steps(interval));
        if (_start >= _end)
        {
            throw new GraftException(
                $"A warmup of {_start} steps and a final phase of {steps - _end} leave none of the run's {steps} for choosing ranks; make them shorter or the run longer.");
        }

        int Steps(double time) => (int)(time < 1 ? Math.Floor(time * steps) : Math.Min(time, int.MaxValue / 2));
    }

    /// <summary>The budget after a step.</summary>
    /// <param name="step">The step's number from 1.</param>
    public int Budget(int step)
    {
        if (step <= _start)
        {
            return _first;
        }

        var left = 1 - ((double)(step - _start) / (_end - _start));
        return step >= _end ? _last : (int)(_last + ((_first - _last) * left * left * left));
    }

    /// <summary>Whether the importance of ranks still moves after a step: not in the last phase, whose choice stands.</summary>
    /// <param name="step">The step's number from 1.</param>
    public bool Learns(int step) => step <= _end;

    /// <summary>Whether ranks are chosen after a step: at every interval, and always in the last phase.</summary>
    /// <param name="step">The step's number from 1.</param>
    public bool Chooses(int step) => step > _start && (step >= _end || step % _interval == 0);
}
