using Google.Protobuf;

namespace Graft.Training.TensorBoard;

/// <summary>
/// Writes an event file that TensorBoard reads: scalars by step, and the settings of runs for its HPARAMS tab. A run is a folder with such a file,
/// called by <see cref="FileName"/>; the experiment, which lists what runs can be compared by, lies in the folder above all runs. Messages:
/// tensorboard/compat/proto/{event,summary}.proto, tensorboard/plugins/hparams/{api,plugin_data}.proto. Thread contract: one thread.
/// </summary>
public sealed class TensorBoardWriter
{
    private const int TextType = 1;
    private const int NumberType = 3;
    private readonly Stream _stream;
    private readonly DateTimeOffset _start;

    /// <summary>Begins a file.</summary>
    /// <param name="stream">Where to; the caller closes it.</param>
    /// <param name="start">When the run began; events are dated by the seconds since.</param>
    public TensorBoardWriter(Stream stream, DateTimeOffset start)
    {
        ArgumentNullException.ThrowIfNull(stream);
        (_stream, _start) = (stream, start);
        Event(0, 0, e => e.WriteText(3, "brain.Event:2"));
    }

    /// <summary>The name of an event file; TensorBoard finds files by the first part of it.</summary>
    /// <param name="start">When the run began.</param>
    public static string FileName(DateTimeOffset start) => $"events.out.tfevents.{start.ToUnixTimeSeconds()}.graft";

    /// <summary>Writes a number of a run.</summary>
    /// <param name="tag">What it is; what stands before a slash groups charts.</param>
    /// <param name="value">The number; TensorBoard keeps 32 bits of it.</param>
    /// <param name="step">The optimizer steps done.</param>
    /// <param name="seconds">The seconds since the run began.</param>
    public void Scalar(string tag, double value, int step, double seconds = 0) => Summary(step, seconds, v =>
    {
        v.WriteText(1, tag);
        v.WriteNumber(2, (float)value);
    });

    /// <summary>Writes what the runs below this folder can be compared by.</summary>
    /// <param name="settings">The settings of every run; values are gathered by name.</param>
    /// <param name="metrics">The tags of the numbers that are compared.</param>
    public void Experiment(IEnumerable<HyperParameter> settings, IEnumerable<string> metrics) => HParams("experiment", 0, data => data.WriteMessage(2, experiment =>
    {
        experiment.WriteNumber(3, Seconds(0));
        foreach (var setting in settings.GroupBy(s => s.Name, StringComparer.Ordinal))
        {
            experiment.WriteMessage(4, info => WriteInfo(info, setting.Key, [.. setting]));
        }

        foreach (var metric in metrics)
        {
            experiment.WriteMessage(5, info => info.WriteMessage(1, name => name.WriteText(2, metric)));
        }
    }));

    /// <summary>Writes the settings of this folder's run, which has ended well.</summary>
    /// <param name="settings">Its settings.</param>
    /// <param name="seconds">How long it took.</param>
    public void Run(IReadOnlyCollection<HyperParameter> settings, double seconds)
    {
        HParams("session_start_info", 0, data => data.WriteMessage(3, start =>
        {
            foreach (var setting in settings)
            {
                start.WriteMessage(1, entry =>
                {
                    entry.WriteText(1, setting.Name);
                    entry.WriteMessage(2, setting.WriteValue);
                });
            }

            start.WriteNumber(5, Seconds(0));
        }));
        HParams("session_end_info", seconds, data => data.WriteMessage(4, end =>
        {
            end.WriteWhole(1, 1);
            end.WriteNumber(2, Seconds(seconds));
        }));
    }

    /// <summary>HParamInfo: the type, and the values that the tab offers as a filter.</summary>
    private static void WriteInfo(CodedOutputStream info, string name, IReadOnlyList<HyperParameter> values)
    {
        info.WriteText(1, name);
        if (values.All(v => v.Number is not null))
        {
            info.WriteWhole(4, NumberType);
            info.WriteMessage(6, interval =>
            {
                interval.WriteNumber(1, values.Min(v => v.Number!.Value));
                interval.WriteNumber(2, values.Max(v => v.Number!.Value));
            });
            return;
        }

        info.WriteWhole(4, TextType);
        info.WriteMessage(5, list =>
        {
            foreach (var value in values.DistinctBy(v => v.Text, StringComparer.Ordinal))
            {
                list.WriteMessage(1, value.WriteValue);
            }
        });
    }

    /// <summary>A summary without a value whose metadata is for the plugin; the tensor is an empty vector of floats, as the plugin writes it.</summary>
    private void HParams(string tag, double seconds, Action<CodedOutputStream> write) => Summary(0, seconds, v =>
    {
        v.WriteText(1, $"_hparams_/{tag}");
        v.WriteMessage(9, metadata => metadata.WriteMessage(1, plugin =>
        {
            plugin.WriteText(1, "hparams");
            plugin.WriteMessage(2, write);
        }));
        v.WriteMessage(8, tensor =>
        {
            tensor.WriteWhole(1, 1);
            tensor.WriteMessage(2, shape => shape.WriteMessage(2, _ => { }));
        });
    });

    private void Summary(int step, double seconds, Action<CodedOutputStream> value) =>
        Event(step, seconds, e => e.WriteMessage(5, summary => summary.WriteMessage(1, value)));

    private void Event(int step, double seconds, Action<CodedOutputStream> what) => RecordFile.Write(_stream, Protobuf.Message(e =>
    {
        e.WriteNumber(1, Seconds(seconds));
        e.WriteWhole(2, step);
        what(e);
    }));

    private double Seconds(double sinceStart) => (_start.ToUnixTimeMilliseconds() / 1000.0) + sinceStart;
}
