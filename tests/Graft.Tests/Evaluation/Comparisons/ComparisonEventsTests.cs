using System.Text;
using System.Text.Json.Nodes;
using Graft.Evaluation.Comparisons;
using Graft.TestKit;
using Graft.Tests.Training;
using Graft.Training.TensorBoard;
using Xunit;

namespace Graft.Tests.Evaluation.Comparisons;

public sealed class ComparisonEventsTests
{
    private static readonly DateTimeOffset s_start = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);

    private static string Fixtures => SharedData.Fixture("tensorboard");

    private static Comparison Made()
    {
        var plan = MadeRuns.Plan(["lora", "head"], ["sst 2/x"], [100, null], 0);
        ComparisonRun[] runs =
        [
            MadeRuns.Run("lora", "sst 2/x", 0, 0.8125) with { Trials = [new(0.001, 0.7, 1), new(0.003, 0.8, 1)], Seconds = 8 },
            MadeRuns.Run("head", "sst 2/x", 0, 0.625, null, bytes: 4000),
        ];
        return ComparisonFolder.Of(plan, runs.Select(r => r with
        {
            Scores = [r.Scores[0] with { Curve = [new(10, 0.69, 0.5), new(20, 0.31, 0.75)] }],
        }));
    }

    private static Dictionary<string, byte[]> Files(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .ToDictionary(f => Path.GetRelativePath(folder, f), File.ReadAllBytes, StringComparer.Ordinal);

    [Fact(Explicit = true)]
    public void Writes_the_event_files_that_tensorboard_read() => ComparisonEvents.Write(Made(), Path.Combine(Fixtures, "events"), s_start);

    [Fact]
    public void The_files_are_those_that_tensorboard_read()
    {
        using var folder = new TestFolder();

        ComparisonEvents.Write(Made(), folder.At("events"), s_start);

        var (expected, actual) = (Files(Path.Combine(Fixtures, "events")), Files(folder.At("events")));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        Assert.All(actual, f => Assert.Equal(expected[f.Key], f.Value));
    }

    [Fact]
    public void Tensorboard_read_what_the_runs_hold()
    {
        var read = JsonNode.Parse(File.ReadAllText(Path.Combine(Fixtures, "read.json")))!;

        var lora = read["scalars"]!["lora/sst-2-x/100-rows/seed-0"]!;
        Assert.Equal([(10, 0.69f), (20, 0.31f)], Points(lora["loss"]!));
        Assert.Equal([(10, 0.5f), (20, 0.75f)], Points(lora["dev/accuracy"]!));
        Assert.Equal([(10, 0.8125f)], Points(lora["test/accuracy"]!));
        Assert.Equal(1_700_000_002, (double)lora["loss"]![0]![1]!); // 8 seconds for two trainings: half of the second one's 4
        Assert.Equal(["score", "cost/bytes_per_task", "cost/stored_parameters_per_task", "cost/seconds"], read["metrics"]!.AsArray().Select(m => (string?)m));
        var head = read["sessions"]!["head/sst-2-x/all-rows/seed-0"]!;
        Assert.Equal(("STATUS_SUCCESS", 1.0), ((string?)head["status"], (double)head["seconds"]!));
        Assert.Equal(("head", "sst 2/x", 250.0, 0.001), ((string?)head["hparams"]!["method"], (string?)head["hparams"]!["task"], (double)head["hparams"]!["rows"]!, (double)head["hparams"]!["learning_rate"]!));
        Assert.Equal((0.625, 4000.0), ((double)head["metrics"]!["score"]!, (double)head["metrics"]!["cost/bytes_per_task"]!));
        Assert.Equal(["DATA_TYPE_STRING", "DATA_TYPE_FLOAT64"], new[] { "method", "learning_rate" }.Select(h => (string?)read["hparams"]![h]));

        static IEnumerable<(int, float)> Points(JsonNode series) => series.AsArray().Select(p => ((int)p![0]!, (float)p[2]!));
    }

    [Fact]
    public void A_second_writing_replaces_the_first_and_equal_folders_do_not_mix()
    {
        using var folder = new TestFolder();
        var plan = MadeRuns.Plan(["a/b", "a-b"], ["t"], null, 0);

        ComparisonEvents.Write(Made(), folder.At("events"), s_start);
        ComparisonEvents.Write(ComparisonFolder.Of(plan, [MadeRuns.Run("a/b", "t", 0, 0.5), MadeRuns.Run("a-b", "t", 0, 0.5) with { Id = "77" }]), folder.At("events"), s_start);

        Assert.Equal(3, Files(folder.At("events")).Count);
        Assert.True(Directory.Exists(folder.At("events", "a-b", "t", "100-rows", "seed-0-77")));
    }

    [Fact]
    public void An_independent_reader_finds_the_scalars()
    {
        using var stream = new MemoryStream();

        var writer = new TensorBoardWriter(stream, s_start);
        writer.Scalar("loss/größe", 0.1, 300, 2.5);

        var events = EventFile.Read(stream.ToArray());
        Assert.Equal("brain.Event:2", events[0].Single(f => f.Number == 3).Text);
        Assert.Equal(1_700_000_002.5, events[1].Single(f => f.Number == 1).Double);
        Assert.Equal(300, BitConverter.ToInt64(events[1].Single(f => f.Number == 2).Bytes));
        var value = events[1].Single(f => f.Number == 5).Message.Single().Message;
        Assert.Equal(("loss/größe", 0.1f), (value.Single(f => f.Number == 1).Text, value.Single(f => f.Number == 2).Float));
    }

    [Theory]
    [InlineData("123456789", 0xE3069283u)] // the check value of CRC-32C
    [InlineData("", 0u)]
    public void Checksums_are_masked_crc32c(string text, uint crc)
    {
        var data = Encoding.UTF8.GetBytes(text);

        Assert.Equal(crc, EventFile.Crc32C(data));
        Assert.Equal(((crc >> 15) | (crc << 17)) + 0xA282EAD8, RecordFile.MaskedChecksum(data));
        // RFC 3720, B.4: 32 bytes of zeros.
        Assert.Equal(0x8A9136AAu, EventFile.Crc32C(new byte[32]));
    }
}
