using Graft.Evaluation;
using Graft.Recipes;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Xunit;

namespace Graft.Tests.Recipes;

/// <summary>Tasks that a T5 answers as text and that share an adapter, from files to files.</summary>
public sealed class TextMixtureTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new(t5: true);

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData("pha")]
    [InlineData("pha-lowdata")]
    [InlineData("hyperformer")]
    [InlineData("hyperformer++")]
    [InlineData("propetl-adapter")]
    [InlineData("propetl-lora")]
    [InlineData("propetl-prefix")]
    [InlineData("lora")]
    public void Each_task_of_the_package_answers_as_it_was_evaluated_and_all_of_them_together(string method)
    {
        string[] tasks = [_tiny.WriteTask("letters", train: 24, dev: 8, test: 4), _tiny.WriteTask("other", train: 16, dev: 8, test: 4, seed: 2)];
        var settings = new TrainSettings
        {
            Backbone = _tiny.Model, Tasks = tasks, Method = method, Set = TinyModels.Settings(method), Share = method == "lora", Steps = 3, Evaluations = 1,
            LossReduction = LossReduction.MeanAll, LabelSmoothing = 0.1, Out = Path.Combine(_tiny.Root, "out"),
        };

        var report = Train.Run(settings);

        var packages = report.Tasks.Select(t => Path.Combine(settings.Out, "joint") + "#" + t.Task).ToList();
        for (var i = 0; i < packages.Count; i++)
        {
            var evaluated = Evaluate.Run(new EvaluateSettings { Package = packages[i], Backbone = _tiny.Model, Task = tasks[i] });
            Assert.Equal(report.Tasks[i].Dev, evaluated.Dev);
        }

        PredictionRow[] rows = [new("letters", "aa ba"), new("other", "ca"), new("letters", "da ea fa ga"), new("other", "ba aa")];
        using var both = GraftModel.Load(packages, _tiny.Model);
        Assert.All(rows.Zip(both.Predict(rows)), p =>
        {
            var alone = both.Predict(p.First);
            Assert.Equal(alone.Text, p.Second.Text);
            Assert.All(alone.Outputs.Zip(p.Second.Outputs), o => Assert.Equal(o.First, o.Second, 1e-5f));
        });
    }

    [Fact]
    public void A_task_that_is_added_later_is_answered_as_text_too()
    {
        var training = new TrainSettings
        {
            Backbone = _tiny.Model, Tasks = [_tiny.WriteTask("letters", train: 24, dev: 8, test: 4), _tiny.WriteTask("other", train: 16, dev: 8, test: 4, seed: 2)],
            Method = "pha", Steps = 2, Evaluations = 1, Out = Path.Combine(_tiny.Root, "out"),
        };
        Train.Run(training);
        var joint = Path.Combine(training.Out, "joint");
        var late = training with { Tasks = [_tiny.WriteTask("late", train: 20, dev: 8, test: 4, seed: 3)], Examples = 8, Out = Path.Combine(_tiny.Root, "adapted") };

        var report = Adapt.Run(new AdaptSettings(joint, late) { Backbone = _tiny.Model });

        using var model = GraftModel.Load([report.Package, joint + "#other"], _tiny.Model);
        Assert.All(model.Predict([new("late", "aa ba"), new("other", "aa ba")]), a => Assert.Equal((1f, true), (MathF.Round(a.Outputs.Sum(), 4), a.Text is not null)));
    }
}
