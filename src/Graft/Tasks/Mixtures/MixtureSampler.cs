using Graft.Tasks.Batches;

namespace Graft.Tasks.Mixtures;

/// <summary>
/// The rows of each optimizer step: a function of seed and step, so that training resumes anywhere without a generator's state. A single task
/// has the batches of <see cref="BatchSampler"/>. Thread contract: one thread, as steps that follow each other are found from each other.
/// <para>
/// Proportional without replacement takes every row once an epoch: mixed batches are one shuffled list of all rows, batches of one task are those
/// of each task in a shuffled order. Otherwise each step (or row of a mixed batch) draws its task, and rows follow in shuffled passes over the
/// task, or are drawn uniformly with replacement; an epoch then is as many steps as all rows fill.
/// </para>
/// </summary>
public sealed class MixtureSampler
{
    private readonly IReadOnlyList<IReadOnlyList<int>> _lengths;
    private readonly int _batchSize;
    private readonly long _seed;
    private readonly MixtureSettings _settings;
    private readonly IReadOnlyList<double> _probabilities;
    private readonly bool _inEpochs;
    private readonly IReadOnlyList<BatchSampler> _batches;
    private readonly TaskPasses[] _passes;
    private IReadOnlyList<MixtureRow[]> _epoch = [];
    private int _epochNumber = -1;
    private int _next;

    /// <summary>Prepares the steps of a training.</summary>
    /// <param name="lengths">The number of tokens of each row of each task.</param>
    /// <param name="batchSize">The rows of a step; the last one of an epoch or pass may have fewer.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="settings">How tasks are mixed.</param>
    public MixtureSampler(IReadOnlyList<IReadOnlyList<int>> lengths, int batchSize, long seed, MixtureSettings settings)
    {
        (_lengths, _batchSize, _seed, _settings) = (lengths, batchSize, seed, settings);
        _probabilities = settings.Probabilities([.. lengths.Select(l => l.Count)]);
        _inEpochs = !settings.Replacement && (lengths.Count == 1 || settings.Sampling == TaskSampling.Proportional);
        _batches = [.. lengths.Select((l, task) => new BatchSampler(l, batchSize, lengths.Count == 1 ? seed : unchecked((seed * 1009) + task)))];
        _passes = [.. lengths.Select((l, task) => new TaskPasses(l.Count, seed, task))];
        var rows = lengths.Sum(l => l.Count);
        StepsPerEpoch = _inEpochs && settings.OneTaskBatches ? _batches.Sum(b => b.BatchesPerEpoch) : (rows + batchSize - 1) / batchSize;
    }

    /// <summary>The number of steps after which as many rows were trained on as there are.</summary>
    public int StepsPerEpoch { get; }

    /// <summary>The rows of a step.</summary>
    /// <param name="step">The step from 0; going on from the step before is quick.</param>
    public MixtureRow[] Rows(int step)
    {
        if (!_inEpochs)
        {
            return Drawn(step);
        }

        if (step / StepsPerEpoch != _epochNumber)
        {
            _epochNumber = step / StepsPerEpoch;
            _epoch = Epoch(_epochNumber);
        }

        return _epoch[step % StepsPerEpoch];
    }

    private IReadOnlyList<MixtureRow[]> Epoch(int epoch)
    {
        if (_lengths.Count == 1 || _settings.OneTaskBatches)
        {
            var batches = _batches.SelectMany((b, task) => b.Epoch(epoch).Select(rows => Array.ConvertAll(rows, r => new MixtureRow(task, r)))).ToList();
            return _lengths.Count == 1 ? batches
                : [.. SeededOrder.Permutation(batches.Count, _seed, $"mixture's batches of epoch {epoch}").Select(b => batches[b])];
        }

        var all = _lengths.SelectMany((l, task) => Enumerable.Range(0, l.Count).Select(row => new MixtureRow(task, row))).ToList();
        return [.. SeededOrder.Permutation(all.Count, _seed, $"mixture's epoch {epoch}").Select(i => all[i]).Chunk(_batchSize)];
    }

    // Rows without replacement depend on how many of their task came before, so earlier steps are drawn again after a resumption.
    private MixtureRow[] Drawn(int step)
    {
        if (step < _next)
        {
            _next = 0;
            Array.ForEach(_passes, p => p.Begin());
        }

        MixtureRow[] rows = [];
        for (; _next <= step; _next++)
        {
            rows = Draw(_next);
        }

        return rows;
    }

    private MixtureRow[] Draw(int step)
    {
        var draws = new SeededDraws(_seed, $"mixture's step {step}");
        if (!_settings.OneTaskBatches)
        {
            var mixed = new MixtureRow[_batchSize];
            for (var i = 0; i < _batchSize; i++)
            {
                var own = Task(draws);
                mixed[i] = new MixtureRow(own, _settings.Replacement ? draws.Below(_lengths[own].Count) : _passes[own].Next(1)[0]);
            }

            return mixed;
        }

        var task = Task(draws);
        var rows = _settings.Replacement
            ? Enumerable.Range(0, _batchSize).Select(_ => draws.Below(_lengths[task].Count)).ToArray()
            : _passes[task].Next(_batchSize);
        return Array.ConvertAll(rows, r => new MixtureRow(task, r));
    }

    private int Task(SeededDraws draws)
    {
        var point = draws.Unit();
        for (var task = 0; task < _probabilities.Count - 1; task++)
        {
            if (point < _probabilities[task])
            {
                return task;
            }

            point -= _probabilities[task];
        }

        return _probabilities.Count - 1;
    }

    /// <summary>A task's rows in shuffled passes.</summary>
    private sealed class TaskPasses(int count, long seed, int task)
    {
        private int[] _order = [];
        private int _pass = -1;
        private int _at;

        public void Begin() => (_order, _pass, _at) = ([], -1, 0);

        /// <summary>The next rows, at most so many: a pass ends with what is left.</summary>
        public int[] Next(int most)
        {
            if (_at == _order.Length)
            {
                _pass++;
                (_order, _at) = (SeededOrder.Permutation(count, seed, $"pass {_pass} over task {task}"), 0);
            }

            var rows = _order[_at..Math.Min(_at + most, count)];
            _at += rows.Length;
            return rows;
        }
    }
}
