using Graft.Evaluation;
using Graft.Tasks;
using Graft.Tasks.Batches;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Evaluation;

public sealed class ObservedValueTests
{
    [Fact]
    public void Gates_are_averaged_over_rows_whatever_the_batches()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "unipelt", TaskKind.Classification);
        var rows = new[] { "good film", "bad", "good bad film .", "film film film", "bad bad" }
            .Select(t => new Example(t) { Label = 0 }).ToList();
        var tokenized = TokenizedRows.Create(model.Task, rows, TinyModels.Tokenizer(), 24);

        var together = Evaluator.Evaluate(model, tokenized, 64).Observed;
        var alone = Evaluator.Evaluate(model, tokenized, 1).Observed;

        Assert.Equal(8, together.Count);
        foreach (var (name, value) in together)
        {
            Assert.EndsWith(".gate", name, StringComparison.Ordinal);
            Assert.Equal(5, value.Rows);
            Assert.InRange(value.Mean, 0, 1);
            Assert.Equal(value.Mean, alone[name].Mean, 1e-5);
            Assert.Equal(value.Deviation, alone[name].Deviation, 1e-5);
        }
    }

    [Fact]
    public void A_method_that_shows_nothing_has_nothing_observed()
    {
        using var backbone = TinyBackbones.Create("bert");
        using var model = TinyModels.Create(backbone, "lora", TaskKind.Classification);
        var tokenized = TokenizedRows.Create(model.Task, [new Example("good") { Label = 0 }], TinyModels.Tokenizer(), 24);

        Assert.Empty(Evaluator.Evaluate(model, tokenized).Observed);
    }
}
