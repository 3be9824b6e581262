using Graft.Backbones;
using Graft.Methods.Core;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Methods.Hypernetworks;

/// <summary>
/// The whole of PHA on a tiny T5 against its authors' code in float64: ordinary adapters in the encoder, generated ones in the decoder, both losses,
/// every gradient, and one optimizer step.
/// </summary>
public sealed class PhaT5FixtureTests : IDisposable
{
    private const int Width = 16;
    private const int Bottleneck = 5;
    private static readonly string[] s_tasks = ["t0", "t1", "t2", "t3"];

    private readonly HyperFixture _file = new("tiny_t5");

    public void Dispose() => _file.Dispose();

    [Theory]
    [InlineData("mean")]
    [InlineData("sum")]
    public void A_training_step(string reduction)
    {
        using var scope = new TensorScope();
        using var backbone = Backbone();
        using var adapter = Attach(backbone, reduction);
        List<Parameter> parameters = [.. adapter.Parameters()];

        // Nothing drops out in this model, so that a training pass computes what the authors' evaluation does.
        using var rng = new Rng(1, Device.Cpu);
        var output = Run(backbone, adapter, [.. _file["task_index"].ToArray<long>().Select(t => s_tasks[t])], rng);
        var loss = CrossEntropy(output.Output.Logits!, reduction);
        var total = loss + output.AuxiliaryLoss!;
        total.Backward();

        _file.Close("encoder_last_hidden", output.Output.LastHiddenState);
        _file.Close("logits", output.Output.Logits!);
        TensorAssertSum("L_ins", "L_pro", output.AuxiliaryLoss!);
        _file.Close(reduction + ".ce", loss);
        _file.Close(reduction + ".total", total);
        _file.CheckGradients();
        using var optimizer = new AdamW([new ParameterGroup("all", parameters, 3e-4, 0)], variant: AdamWVariant.HuggingFace);
        Assert.Equal(_file[reduction + ".grad_norm"].ToArray<double>()[0], GradientClip.ClipNorm_(parameters, 1), 1e-9);
        if (reduction == "mean")
        {
            optimizer.Step();
            _file.CheckValues(key => key.Replace("mean.grad.", "adamw1.", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Rows_of_one_task_in_evaluation()
    {
        using var scope = new TensorScope();
        using var backbone = Backbone();
        using var adapter = Attach(backbone, "mean");
        using var frozen = Autograd.NoGrad();

        // The order of tasks is the authors': one of the four is mrpc.
        var differences = s_tasks.Select(task =>
            (Run(backbone, adapter, [.. Enumerable.Repeat(task, 6)]).Output.Logits! - _file["eval_mrpc.logits"]).Abs().Max().ToDouble());

        Assert.Single(differences, d => d < 1e-12);
    }

    private AdaptedOutput Run(Backbone backbone, Adapter adapter, IReadOnlyList<string> tasks, Rng? training = null)
    {
        var input = new BackboneInput(_file["input_ids"], _file["attention_mask"].To(DType.Float64)) { DecoderIds = _file["decoder_input_ids"] };
        return new AdaptedModel(backbone).Forward(input, [.. tasks.Select(t => new RowAdapter(adapter, t))], training is not null, training);
    }

    // Label smoothing of 0.1 in which padding counts as nothing, over all positions.
    private Tensor CrossEntropy(Tensor logits, string reduction)
    {
        var labels = _file["labels"];
        var logs = logits.LogSoftmax(-1);
        var real = labels.Ne(0).To(DType.Float64);
        var target = -logs.Gather(2, labels.Unsqueeze(2)).Squeeze(2) * real;
        var smooth = -logs.Sum(2) * real;
        return reduction == "mean"
            ? (target.Mean() * 0.9) + (smooth.Mean() * (0.1 / logits.Size(2)))
            : (target.Sum() * 0.9) + (smooth.Sum() * (0.1 / logits.Size(2)));
    }

    private void TensorAssertSum(string first, string second, Tensor actual) =>
        Assert.Equal((_file[first] + _file[second]).ToArray<double>()[0], actual.ToDouble(), 1e-13);

    private T5 Backbone()
    {
        var config = new BackboneConfig("t5", Width, 2, 4, 32, 40, int.MaxValue) { HeadSize = 4, Decoder = new DecoderConfig(2, 0, 1, 0) };
        return new T5(config, new T5Config(Dropout: 0), new WeightSource((key, _) => _file["w." + key], DType.Float64));
    }

    private Adapter Attach(Backbone backbone, string reduction)
    {
        var adapter = HyperFixture.Attach(backbone, "pha", """{"bottleneck": 5, "ordinary_bottleneck": 6}""", s_tasks);
        for (var l = 0; l < 2; l++)
        {
            FillMap($"encoder.block.{l}.layer.1.down", $"encoder.block.{l}.layer.1.adapter_layer.adapter_down_manual");
            FillMap($"encoder.block.{l}.layer.1.up", $"encoder.block.{l}.layer.1.adapter_layer.adapter_up_manual");
        }

        FillMap("shared.retriever.hidden", "decoder.mlp.0");
        FillMap("shared.retriever.output", "decoder.mlp.2");
        _file.FillHypernetwork(adapter, "w.decoder.param_gen.", $"{reduction}.grad.decoder.param_gen.", Width, Bottleneck);
        _file.FillPrototypes(adapter, "w.decoder.adapter_task_embedding.weight", $"{reduction}.grad.decoder.adapter_task_embedding.weight");
        Assert.Equal(adapter.NamedParameters().Count(), _file.Filled);
        return adapter;

        void FillMap(string own, string theirs) => _file.FillMap(adapter, own, "w." + theirs, $"{reduction}.grad.{theirs}");
    }
}
