using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Tasks.TextToText;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Tasks.Heads;

public sealed class TextHeadTests
{
    private static readonly TextFormat s_format = new("t", ["s"], ["0", "1"], TextReading.Label);

    [Theory]
    [InlineData(LossReduction.MeanAll, "mean")]
    [InlineData(LossReduction.Sum, "sum")]
    public void The_smoothed_loss_and_its_gradient_are_the_authors(LossReduction reduction, string fixture)
    {
        using var scope = new TensorScope();
        using var file = SafetensorsFile.Open(SharedData.Fixture("pha/label_smoothing.safetensors"));
        var (logits, targets) = Batch(file);
        using var head = Head(reduction);

        var loss = head.Loss(logits, targets, 0.1);
        loss.Backward();

        Assert.Equal(file.Load($"{fixture}.loss").ToDouble(), loss.ToDouble(), 1e-12);
        TensorAssert.Close(file.Load($"{fixture}.grad.logits"), logits.Grad!, 1e-10, 1e-14);
        Assert.Equal(file.Load($"{fixture}.nll").ToDouble(), head.Loss(logits, targets).ToDouble(), 1e-12);
    }

    [Fact]
    public void The_mean_is_over_real_tokens()
    {
        using var scope = new TensorScope();
        using var file = SafetensorsFile.Open(SharedData.Fixture("pha/label_smoothing.safetensors"));
        var (logits, targets) = Batch(file);
        var real = targets.ToArray<long>().Count(t => t != TextHead.NoTarget);
        using var mean = Head(LossReduction.Mean);

        Assert.InRange(real, 1, targets.Count - 1);
        Assert.Equal(file.Load("sum.loss").ToDouble() / real, mean.Loss(logits, targets, 0.1).ToDouble(), 1e-12);
    }

    [Theory]
    [InlineData(LossReduction.Mean)]
    [InlineData(LossReduction.MeanAll)]
    [InlineData(LossReduction.Sum)]
    public void Shares_of_parts_make_the_loss_of_the_whole_batch(LossReduction reduction)
    {
        using var scope = new TensorScope();
        using var rng = new Rng(3, Device.Cpu);
        const int No = (int)TextHead.NoTarget;
        var logits = rng.Normal([3, 4, 7], 0, 1).To(DType.Float64);
        var targets = Tensor.From(new long[] { 1, 2, No, No, 3, 4, 5, 6, 2, No, No, No }, 3, 4);
        using var head = Head(reduction);
        var (a, b) = (new LossSize(2, 6, 4), new LossSize(1, 1, 1));

        var parts = (head.Loss(logits.Narrow(0, 0, 2), targets.Narrow(0, 0, 2), 0.1) * head.Share(a, LossSize.Join(a, b)))
            + (head.Loss(logits.Narrow(0, 2, 1), targets.Narrow(0, 2, 1).Narrow(1, 0, 1), 0.1) * head.Share(b, LossSize.Join(a, b)));

        Assert.Equal(head.Loss(logits, targets, 0.1).ToDouble(), parts.ToDouble(), 1e-12);
    }

    private static (Tensor Logits, Tensor Targets) Batch(SafetensorsFile file)
    {
        var labels = file.Load("labels").ToArray<long>().Select(l => l == 0 ? TextHead.NoTarget : l).ToArray();
        var logits = file.Load("logits").To(DType.Float64);
        logits.RequiresGrad = true;
        return (logits, Tensor.From(labels, 3, 4));
    }

    private static TextHead Head(LossReduction reduction) => new(new TextHeadConfig(TaskKind.Classification, 2, s_format, 3, reduction));
}
