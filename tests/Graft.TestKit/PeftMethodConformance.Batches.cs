using Graft.Backbones;
using Graft.Backbones.Generation;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.Torch;
using Xunit;

namespace Graft.TestKit;

// Rows beside rows: of no adapter, other adapters, tasks, methods and heads, padded, on several threads.
public abstract partial class PeftMethodConformance
{
    [Theory, MemberData(nameof(Backbones))]
    public void Rows_without_an_adapter_are_the_backbone_bitwise(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Whole(backbone, TinyBackbones.Batch(4, s_lengths));
        var plain = TinyBackbones.States(backbone.Forward(batch));

        TensorAssert.BitwiseEqual(plain, TinyBackbones.States(new AdaptedModel(backbone).Forward(batch, adapter: null).Output));
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Its_pictures_are_of_finite_numbers_by_block_and_leave_no_tensor_behind(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Scramble(adapter);
        var observed = new Dictionary<string, double>(StringComparer.Ordinal);
        using (var scope = new TensorScope())
        {
            foreach (var (key, seen) in RunPass(backbone, adapter, TinyBackbones.Batch(4, s_lengths)).Observations)
            {
                observed[key] = seen.Average(o => o.Value.Mean().To(DType.Float64).ToDouble());
            }
        }

        var before = LeakCheck.Settled();
        var pictures = Subject.Pictures(adapter, observed);

        Assert.Equal(before, LiveTensors.Count);
        Assert.All(pictures, p => Assert.True(p.Title.Length > 0 && p.Summary.EndsWith('.'), $"'{p.Title}' needs a title and a summary"));
        Assert.All(pictures.OfType<HeatMap>(), p =>
        {
            Assert.NotEmpty(p.Cells);
            Assert.All(p.Cells, c => Assert.True(double.IsFinite(c.Value), $"{p.Title}: {c}"));
            Assert.Equal(p.Cells.Count, p.Cells.DistinctBy(c => (c.X, c.Y)).Count());
        });
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Rows_of_several_adapters_and_methods_in_one_batch_equal_each_alone(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var first = Attach(backbone, seed: 1);
        using var second = Attach(backbone, seed: 2);
        using var rng = new Rng(3, Device.Cpu);
        using var lora = PeftMethods.Get("lora").Attach(backbone, "other", PeftMethods.Get("lora").Defaults, rng);
        Array.ForEach([first, second, lora], a => Scramble(a));
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(5, s_lengths);
        var task = Tasks.Count > 0 ? Tasks[0] : null;
        RowAdapter[] rows =
            [new(first, task), new(lora), new(second, Tasks.Count > 1 ? Tasks[1] : task), new(null), new(first, task), new(lora)];

        var mixed = TinyBackbones.States(new AdaptedModel(backbone).Forward(TinyBackbones.Whole(backbone, batch), rows).Output);

        for (var i = 0; i < rows.Length; i++)
        {
            var row = TinyBackbones.Whole(backbone, TinyBackbones.Rows(batch, i, 1));
            var alone = TinyBackbones.States(new AdaptedModel(backbone).Forward(row, [rows[i]]).Output);
            TensorAssert.Close(alone.Narrow(1, 0, s_lengths[i]), mixed.Narrow(0, i, 1).Narrow(1, 0, s_lengths[i]));
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Padding_does_not_change_an_answer_unless_the_method_says_so(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var adapter = Attach(backbone);
        Scramble(adapter);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(6, 7, 4);
        var shortRow = new BackboneInput(batch.InputIds.Narrow(0, 1, 1).Narrow(1, 0, 4));

        var unpadded = TinyBackbones.States(Run(backbone, adapter, shortRow));

        var padded = TinyBackbones.States(Run(backbone, adapter, TinyBackbones.Rows(batch, 1, 1))).Narrow(1, 0, unpadded.Size(1));

        if (Subject.ReadsPadding(Config))
        {
            Assert.True((unpadded - padded).Abs().Max().ToDouble() > 1e-4, "Padding changes nothing, though the method says that it reads it.");
        }
        else
        {
            TensorAssert.Close(unpadded, padded);
        }
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Two_threads_with_different_adapters_do_not_disturb_each_other(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var first = Attach(backbone, seed: 1);
        using var second = Attach(backbone, seed: 2);
        Array.ForEach([first, second], a => Scramble(a));
        using var batch = TinyBackbones.Batch(7, 6, 6).InputIds;
        var expected = new[] { first, second }.Select(a => Bits(backbone, a, batch)).ToArray();

        Parallel.For(0, 16, i => Assert.Equal(expected[i % 2], Bits(backbone, i % 2 == 0 ? first : second, batch)));
    }

    [Theory, MemberData(nameof(Backbones))]
    public void Rows_of_several_tasks_with_heads_of_different_widths_equal_each_alone(string name)
    {
        using var backbone = TinyBackbones.Create(name);
        using var rng = new Rng(3, Device.Cpu);
        using var own = Attach(backbone);
        using var other = PeftMethods.Get("lora").Attach(backbone, "other", PeftMethods.Get("lora").Defaults, rng);
        Array.ForEach([own, other], a => Scramble(a));
        using var narrow = new PooledHead(new PooledHeadConfig(TaskKind.Classification, 2), TinyBackbones.Width, rng);
        using var wide = new PooledHead(new PooledHeadConfig(TaskKind.Classification, 7, Pooling.First, Layers: 2), TinyBackbones.Width, rng);
        using var scope = new TensorScope();
        var batch = TinyBackbones.Batch(12, s_lengths);
        var task = Tasks.Count > 0 ? Tasks[0] : null;
        (RowAdapter Adapter, Head Head)[] rows =
            [(new(own, task), narrow), (new(other), wide), (new(own, task), wide), (new(null), narrow), (new(other), narrow), (new(own, task), narrow)];

        var mixed = new AdaptedModel(backbone).Forward(batch, [.. rows.Select(r => r.Adapter)]).Output;

        for (var i = 0; i < rows.Length; i++)
        {
            var row = TinyBackbones.Rows(batch, i, 1);
            var alone = rows[i].Head.Forward(new AdaptedModel(backbone).Forward(row, [rows[i].Adapter]).Output, row.Mask);
            Assert.Equal(rows[i].Head.Config.Outputs, alone.Size(1));
            TensorAssert.Close(alone, rows[i].Head.Forward(mixed, batch.Mask).Narrow(0, i, 1));
        }
    }

    [Theory, MemberData(nameof(Writers))]
    public void A_written_token_knows_none_behind_it_and_memory_changes_no_text(string name)
    {
        using var backbone = TinyBackbones.Create(name, DType.Float64);
        using var adapter = Attach(backbone);
        adapter.ConvertTo(DType.Float64);
        Scramble(adapter);
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        var model = new AdaptedModel(backbone);
        var batch = TinyBackbones.Batch(13, s_lengths);
        RowAdapter[] rows = [.. s_lengths.Select((_, i) => new RowAdapter(adapter, Tasks.Count > 0 ? Tasks[i % Tasks.Count] : null))];
        var (first, second) = (TinyBackbones.Batch(14, 5, 5, 5, 5, 5, 5).InputIds, TinyBackbones.Batch(15, 5, 5, 5, 5, 5, 5).InputIds);

        var one = model.Forward(batch with { DecoderIds = first }, rows).Output.Logits!;
        var other = model.Forward(batch with { DecoderIds = Tensor.Cat([first.Narrow(1, 0, 3), second.Narrow(1, 3, 2)], 1) }, rows).Output.Logits!;

        TensorAssert.Close(one.Narrow(1, 0, 3), other.Narrow(1, 0, 3), 1e-10, 1e-10);
        TensorAssert.Differs(one.Narrow(1, 3, 2), other.Narrow(1, 3, 2));
        foreach (var beams in new[] { 1, 3 })
        {
            var settings = new GenerationSettings { MaxTokens = 6, Beams = beams };
            Assert.Equal(
                model.Generate(batch, rows, settings with { UseCache = false }).Select(t => t.Ids), model.Generate(batch, rows, settings).Select(t => t.Ids));
        }
    }

    private string Bits(Backbone backbone, Adapter adapter, Tensor ids)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        return Convert.ToHexString(TinyBackbones.States(Run(backbone, adapter, new BackboneInput(ids))).Contiguous().Bytes());
    }
}
