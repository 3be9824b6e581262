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
}
