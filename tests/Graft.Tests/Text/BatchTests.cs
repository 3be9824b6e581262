using FsCheck;
using FsCheck.Fluent;
using Graft.Text;
using Xunit;

namespace Graft.Tests.Text;

public sealed class BatchTests
{
    [Fact]
    public void A_padded_batch_holds_each_row_and_then_padding()
    {
        var tokenizer = TestTokenizers.Load("minilm");
        string[] texts = ["one", "one two three", string.Empty, "four, five!"];
        var rows = texts.Select(text => tokenizer.Encode(text)).ToList();

        var batch = Padding.Pad(rows, padId: 7, multipleOf: 4);

        Assert.Equal((4, 8), (batch.Rows, batch.Length));
        for (var i = 0; i < rows.Count; i++)
        {
            var row = batch.InputIds[(i * 8)..((i + 1) * 8)];
            Assert.Equal(rows[i].Ids, row[..rows[i].Length]);
            Assert.All(row[rows[i].Length..], id => Assert.Equal(7, id));
            Assert.Equal(rows[i].Length, batch.AttentionMask[(i * 8)..((i + 1) * 8)].Sum());
        }
    }

    [Fact]
    public void A_batch_encodes_each_row_as_it_would_be_alone()
    {
        var tokenizer = TestTokenizers.Load("minilm");
        var rows = Enumerable.Range(0, 500).Select(i => ($"row number {i} of many", i % 3 == 0 ? $"and a pair {i}" : null)).ToList();

        var batch = tokenizer.EncodeBatch(rows, maxLength: 9);

        for (var i = 0; i < rows.Count; i++)
        {
            Assert.Equal(tokenizer.Encode(rows[i].Item1, rows[i].Item2, 9).Ids, batch[i].Ids);
        }
    }

    [Fact]
    public void A_fault_in_a_batch_is_the_same_as_alone()
    {
        var tokenizer = TestTokenizers.Load("minilm");

        Assert.Throws<Graft.Torch.GraftException>(() => tokenizer.EncodeBatch([("text", null)], maxLength: 1));
    }

    [Fact]
    public void Buckets_keep_every_row_once_and_sort_within_a_bucket() =>
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), ArbMap.Default.ArbFor<PositiveInt>(), (bytes, size) =>
        {
            int[] lengths = [.. bytes.Select(b => (int)b)];
            int[] order = [.. Enumerable.Range(0, lengths.Length).Reverse()];

            var batches = LengthBuckets.Batches(order, lengths, size.Get, batchesPerBucket: 3);

            return batches.SelectMany(b => b).Order().SequenceEqual(order.Reverse())
                && batches.All(b => b.Length <= size.Get && b.Zip(b.Skip(1)).All(p => lengths[p.First] <= lengths[p.Second]));
        }).QuickCheckThrowOnFailure();
}
