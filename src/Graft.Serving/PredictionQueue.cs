using System.Threading.Channels;
using Graft.Evaluation;
using Graft.Torch;

namespace Graft.Serving;

/// <summary>How a queue gathers requests. Immutable.</summary>
/// <param name="MaxBatch">The most requests of a pass.</param>
/// <param name="MaxWait">How long the first request of a batch waits for others; null for 5 milliseconds, zero for not at all.</param>
/// <param name="Capacity">The most requests that wait; a further one is accepted when a place is free.</param>
public sealed record PredictionQueueSettings(int MaxBatch = 32, TimeSpan? MaxWait = null, int Capacity = 4096);

/// <summary>
/// Gathers requests that arrive at about the same time, whatever their tasks, and answers them in one pass over one backbone. One loop
/// computes; while it does, the next batch gathers, so that a busy queue batches without waiting.
/// <para>Thread contract: any number of threads may ask at once. A request that cannot be answered fails alone; its neighbours do not.</para>
/// <para>
/// Disposing stops to accept requests, answers all that were accepted, and returns when the last is answered. The predictor is not owned
/// and has to live until then.
/// </para>
/// </summary>
public sealed class PredictionQueue : IAsyncDisposable
{
    private readonly Predictor _predictor;
    private readonly PredictionQueueSettings _settings;
    private readonly TimeSpan _maxWait;
    private readonly Channel<Request> _requests;
    private readonly Task _loop;
    private long _passes;

    /// <summary>Starts the loop.</summary>
    /// <param name="predictor">What answers; not owned.</param>
    /// <param name="settings">How requests are gathered; null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number of the settings is below 1, or the wait is negative.</exception>
    public PredictionQueue(Predictor predictor, PredictionQueueSettings? settings = null)
    {
        ArgumentNullException.ThrowIfNull(predictor);
        (_predictor, _settings) = (predictor, settings ?? new PredictionQueueSettings());
        _maxWait = _settings.MaxWait ?? TimeSpan.FromMilliseconds(5);
        ArgumentOutOfRangeException.ThrowIfLessThan(_settings.MaxBatch, 1, nameof(settings));
        ArgumentOutOfRangeException.ThrowIfLessThan(_settings.Capacity, 1, nameof(settings));
        ArgumentOutOfRangeException.ThrowIfLessThan(_maxWait, TimeSpan.Zero, nameof(settings));
        _requests = Channel.CreateBounded<Request>(new BoundedChannelOptions(_settings.Capacity) { SingleReader = true });
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>The passes computed so far.</summary>
    public long Passes => Interlocked.Read(ref _passes);

    /// <summary>Answers a row together with others that are asked at about the same time.</summary>
    /// <param name="task">The task.</param>
    /// <param name="text">The text.</param>
    /// <param name="pair">The second text of a task with two; null otherwise.</param>
    /// <param name="cancellationToken">Gives the request up; one whose pass has begun is computed and dropped.</param>
    /// <returns>The answer, equal to the predictor's within rounding.</returns>
    /// <exception cref="GraftException">An unknown task, a second text too many, or one too few.</exception>
    /// <exception cref="OperationCanceledException">The request was given up.</exception>
    /// <exception cref="ObjectDisposedException">The queue accepts no more requests.</exception>
    public async Task<Answer> PredictAsync(string task, string text, string? pair = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        var row = new PredictionRow(task, text, pair);
        _predictor.Check(row);
        var request = new Request(row, new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            await _requests.Writer.WriteAsync(request, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(PredictionQueue), "The queue is disposed and accepts no more requests.");
        }

        using var registration = cancellationToken.UnsafeRegister(
            static (state, token) => ((TaskCompletionSource<Answer>)state!).TrySetCanceled(token), request.Promise);
        return await request.Promise.Task.ConfigureAwait(false);
    }

    /// <summary>Accepts no more requests and waits until all that were accepted are answered.</summary>
    public async ValueTask DisposeAsync()
    {
        _requests.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private async Task LoopAsync()
    {
        var batch = new List<Request>(_settings.MaxBatch);
        while (await _requests.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            await GatherAsync(batch).ConfigureAwait(false);
            if (batch.Count > 0)
            {
                Interlocked.Increment(ref _passes);
                Answer(batch);
                batch.Clear();
            }
        }
    }

    /// <summary>Takes what is there, and waits for more until the batch is full or the first request has waited long enough.</summary>
    private async Task GatherAsync(List<Request> batch)
    {
        Take(batch);
        if (batch.Count == 0 || batch.Count == _settings.MaxBatch || _maxWait == TimeSpan.Zero)
        {
            return;
        }

        using var enough = new CancellationTokenSource(_maxWait);
        try
        {
            while (batch.Count < _settings.MaxBatch && await _requests.Reader.WaitToReadAsync(enough.Token).ConfigureAwait(false))
            {
                Take(batch);
            }
        }
        catch (OperationCanceledException)
        {
            // The wait is over; the batch goes as it is.
        }
    }

    private void Take(List<Request> batch)
    {
        batch.RemoveAll(r => r.Promise.Task.IsCompleted);
        while (batch.Count < _settings.MaxBatch && _requests.Reader.TryRead(out var request))
        {
            // One that was given up while it waited is not computed.
            if (!request.Promise.Task.IsCompleted)
            {
                batch.Add(request);
            }
        }
    }

    /// <summary>Answers a batch; when it fails, each request alone, so that only those at fault fail.</summary>
    private void Answer(IReadOnlyList<Request> batch)
    {
        try
        {
            var answers = _predictor.Predict([.. batch.Select(r => r.Row)], _settings.MaxBatch);
            for (var i = 0; i < batch.Count; i++)
            {
                batch[i].Promise.TrySetResult(answers[i]);
            }
        }
        catch (Exception) when (batch.Count > 1)
        {
            foreach (var request in batch)
            {
                Answer([request]);
            }
        }
#pragma warning disable CA1031 // Whatever the fault is, it belongs to the one who asked, and the loop goes on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            batch[0].Promise.TrySetException(fault);
        }
    }

    private sealed record Request(PredictionRow Row, TaskCompletionSource<Answer> Promise);
}
