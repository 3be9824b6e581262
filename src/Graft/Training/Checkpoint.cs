using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Torch;

namespace Graft.Training;

/// <summary>
/// Everything that training needs to go on bit for bit: parameters and buffers, optimizer state, dropout's generator, the best parameters on dev, and
/// the step. The order of rows and the schedule follow from step and seed. One safetensors file, written to a temporary name,
/// flushed and renamed, so that a process that dies while writing leaves the previous checkpoint intact.
/// </summary>
public static class Checkpoint
{
    private const string Model = "model.";
    private const string Best = "best.";
    private const string Optimizer = "optimizer.";
    private const string Dropout = "dropout";

    /// <summary>Writes a checkpoint.</summary>
    /// <param name="path">The file.</param>
    /// <param name="trainer">The trainer of the models, between steps.</param>
    /// <param name="best">The best parameters so far.</param>
    /// <param name="run">What identifies the run, its log's length and its clock.</param>
    /// <exception cref="GraftException">The file cannot be written.</exception>
    public static void Save(string path, Trainer trainer, BestOnDev best, RunState run)
    {
        using var scope = new TensorScope();
        var generator = trainer.Dropout.State;
        IEnumerable<(string Key, Tensor Value)> tensors =
        [
            .. trainer.Model.State().Select(p => (Model + p.Path, p.Value)),
            .. best.Values.Select(p => (Best + p.Key, p.Value)),
            .. trainer.Optimizer.SaveState().Select(p => (Optimizer + p.Name, p.Value)),
            (Dropout, Tensor.From(generator, generator.Length)),
        ];
        var state = new JsonObject
        {
            ["step"] = trainer.StepsDone,
            ["run"] = run.Identity,
            ["log_bytes"] = run.LogBytes,
            ["seconds"] = run.Seconds,
            ["best_step"] = best.Step,
            ["best_metric"] = best.Metric is { } metric ? RunLog.Number(metric) : null,
            ["evaluations_since_best"] = best.EvaluationsSince,
        };
        SafetensorsWriter.Write(
            path,
            tensors.Select(t => SafetensorsEntry.From(t.Key, t.Value.To(Device.Cpu).Contiguous())),
            new Dictionary<string, string>(StringComparer.Ordinal) { ["graft_checkpoint"] = state.ToJsonString() });
    }

    /// <summary>Restores a run from a checkpoint.</summary>
    /// <param name="path">The file.</param>
    /// <param name="identity">What identifies the run; the checkpoint's must be the same.</param>
    /// <param name="trainer">The trainer of models that were made with the same settings.</param>
    /// <param name="best">Receives the best parameters.</param>
    /// <exception cref="GraftException">The file is damaged, or of a run with other settings.</exception>
    public static RunState Load(string path, string identity, Trainer trainer, BestOnDev best)
    {
        using var scope = new TensorScope();
        using var file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue("graft_checkpoint", out var text))
        {
            throw Damaged(path, "it has no state");
        }

        try
        {
            var state = JsonNode.Parse(text)!.AsObject();
            if (state["run"]!.GetValue<string>() != identity)
            {
                throw new GraftException(
                    $"The checkpoint '{path}' is of a run with other settings or other data; resume with the same ones, or start anew with another --out.");
            }

            foreach (var (key, value) in trainer.Model.State())
            {
                value.Copy_(file.Load(Model + key));
            }

            foreach (var key in file.Keys.Where(k => k.StartsWith(Best, StringComparison.Ordinal)))
            {
                best.Put(key[Best.Length..], scope.Keep(file.Load(key).Clone().To(trainer.Model.Backbone.Device)));
            }

            trainer.Optimizer.LoadState(name => file.Contains(Optimizer + name) ? file.Load(Optimizer + name) : null);
            trainer.Dropout.State = file.Bytes(Dropout).ToArray();
            trainer.StepsDone = state["step"]!.GetValue<int>();
            best.Load(
                state["best_metric"]?.GetValue<double>(), state["best_step"]!.GetValue<int>(), state["evaluations_since_best"]!.GetValue<int>());
            return new RunState(identity, state["log_bytes"]!.GetValue<long>(), state["seconds"]!.GetValue<double>());
        }
        catch (Exception e) when (e is JsonException or NullReferenceException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw Damaged(path, e.Message, e);
        }
    }

    private static GraftException Damaged(string path, string why, Exception? cause = null) => new(
        string.Create(CultureInfo.InvariantCulture, $"The checkpoint '{path}' cannot be resumed from ({why}); delete it to start this task anew."), cause!);
}

/// <summary>What a checkpoint keeps of a run beside tensors.</summary>
/// <param name="Identity">A digest of settings and data.</param>
/// <param name="LogBytes">The length of the run's log.</param>
/// <param name="Seconds">The training time so far.</param>
public sealed record RunState(string Identity, long LogBytes, double Seconds);
