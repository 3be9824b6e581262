using System.Diagnostics;
using System.Globalization;
using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Torch;

namespace Graft.Bench.Training;

/// <summary>Does one training step for each line read, and answers with its seconds and the process's peak memory in bytes.</summary>
internal static class StepWorker
{
    public static void Serve(int threads, int batch, int tokens)
    {
        TorchRuntime.Threads = threads;
        using var rng = new Rng(0);
        using var backbone = new Bert(
            new BackboneConfig("bert", 768, 12, 12, 3072, 30522, 512), new BertConfig(512),
            new WeightSource((key, shape) => key.Contains("LayerNorm.weight", StringComparison.Ordinal) ? Tensor.Ones(shape) : rng.Normal(shape, 0, 0.02)));
        var method = PeftMethods.Get("lora");
        using var adapter = method.Attach(backbone, "bench", method.Defaults, rng);
        using var head = new PooledHead(new PooledHeadConfig(TaskKind.Classification, 2), 768, rng);
        var parameters = adapter.Parameters().Concat(head.Parameters()).ToList();
        using var optimizer = new AdamW([
            new ParameterGroup("matrices", parameters.Where(p => p.Value.Rank >= 2), 1e-3, 0.01),
            new ParameterGroup("vectors", parameters.Where(p => p.Value.Rank < 2), 1e-3)]);
        using var ids = rng.Integers([batch, tokens], 1000, 30000);
        using var labels = rng.Integers([batch], 0, 2);
        var model = new AdaptedModel(backbone);
        Console.WriteLine($"Graft on libtorch {TorchRuntime.Version}");
        while (Console.ReadLine() is not null)
        {
            var start = Stopwatch.GetTimestamp();
            using var scope = new TensorScope();
            optimizer.ZeroGrad();
            var output = model.Forward(new BackboneInput(ids), adapter, training: true, rng).Output;
            var loss = head.Loss(head.Forward(output, null, rng), labels);
            loss.Backward();
            var value = loss.ToDouble();
            GradientClip.ClipNorm_(parameters, 1);
            optimizer.Step();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(start).TotalSeconds} {PeakMemory()} {value}"));
        }
    }

    private static long PeakMemory()
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }
}
