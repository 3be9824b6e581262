using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Evaluation.Comparisons;
using Graft.Recipes;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class MeasureStorageTests
{
    private static StorageAccount Measure(TestFolder folder, params PlannedMethod[] methods)
    {
        using var tiny = new TinyModelFolder();
        using var backbone = Backbone.Load(tiny.Model, new BackboneOptions());
        return MeasureStorage.Run("tiny", backbone, Tokenizer.Load(tiny.Model), methods, folder.Path, labels: 3);
    }

    [Fact]
    public void The_files_of_eight_tasks_are_what_the_formula_says()
    {
        using var folder = new TestFolder();

        var account = Measure(
            folder, new("lora", "lora"), new("lora-rank-2", "lora", new JsonObject { ["rank"] = 2 }), new("prefix", "prefix-tuning"), new("ada", "adalora"));

        Assert.Equal(["lora", "lora-rank-2", "prefix", "ada", "full copies"], account.Methods.Select(m => m.Method));
        Assert.All(account.Methods, m =>
        {
            Assert.Equal(0, m.Difference);
            Assert.Equal([(1, true), (8, true), (100, false), (1000, false)], m.Points.Select(p => (p.Tasks, p.FromFiles)));
            Assert.Equal(8 * m.Points[0].Bytes, m.Points[1].Bytes);
            Assert.Equal(1000 * m.BytesPerTask, m.Points[3].Bytes);
        });
        // Rank 8 and 2 on the queries and values of two layers of width 16, and a head for three labels.
        Assert.Equal((2 * 2 * 8 * 32, 3 * 17), (account.Methods[0].Parameters, account.Methods[0].HeadParameters));
        Assert.Equal(2 * 2 * 2 * 32, account.Methods[1].Parameters);
        Assert.InRange(account.Methods[4].Points[0].Bytes, account.BackboneBytes, 2 * account.BackboneBytes);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void An_account_comes_back_from_its_file()
    {
        using var folder = new TestFolder();
        var account = Measure(folder, new PlannedMethod("full", "full"));

        account.Save(folder.At("storage.json"));
        var back = StorageAccount.Load(folder.At("storage.json"));

        Assert.Equal(("full", "full"), (account.Methods.Single().Method, back.Methods.Single().BaseMethod));
        Assert.Equal(account.Methods[0].Points, back.Methods[0].Points);
        Assert.Equal(account with { Methods = back.Methods }, back);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"backbone\": null}")]
    [InlineData("{")]
    public void A_file_that_is_no_account_is_refused_in_one_sentence(string text)
    {
        using var folder = new TestFolder();

        var error = Assert.Throws<GraftException>(() => StorageAccount.Load(folder.Write("storage.json", text)));

        Assert.Contains("no storage account", error.Message, StringComparison.Ordinal);
        Assert.Contains("cannot be read", Assert.Throws<GraftException>(() => StorageAccount.Load(folder.At("none.json"))).Message, StringComparison.Ordinal);
    }
}
