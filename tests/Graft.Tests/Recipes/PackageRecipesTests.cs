using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Recipes;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class PackageRecipesTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly string _backbone;

    public PackageRecipesTests() => _backbone = TinyModels.WriteFolder(_folder.At("tiny"));

    [Fact]
    public void A_loaded_model_answers_as_the_saved_one()
    {
        var package = Save("lora", TaskKind.Classification);

        using var model = GraftModel.Load(package, _backbone);
        var answer = model.Predict("good film");

        using var backbone = Backbone.Load(_backbone);
        using var scope = new TensorScope();
        using var original = TinyModels.Create(backbone, "lora", TaskKind.Classification);
        var expected = Graft.Evaluation.Evaluator.Answer(
            original, Graft.Tasks.Batches.TokenizedRows.Create(original.Task, [new Example("good film")], TinyModels.Tokenizer(), original.MaxTokens),
            cancellation: TestContext.Current.CancellationToken)[0];
        Assert.Equal(expected, answer.Outputs);
    }

    [Fact]
    public void A_folder_and_the_same_weights_in_memory_have_one_fingerprint()
    {
        using var loaded = Backbone.Load(_backbone);
        using var made = TinyBackbones.Create("bert");

        Assert.Equal(made.Fingerprint, loaded.Fingerprint);
    }

    [Fact]
    public void Rows_of_a_file_are_answered_in_order_by_every_package()
    {
        var packages = new[] { Save("lora", TaskKind.Classification), Save("pfeiffer", TaskKind.Regression) };
        var count = 1500;
        var input = _folder.Write("rows.jsonl", string.Concat(Enumerable.Range(0, count).Select(i => $$"""{"text": "film {{new string('a', i % 40)}}", "id": {{i}}}""" + "\n")));
        var output = _folder.At("out.jsonl");
        List<PredictedRow> seen = [];

        var report = Predict.Run(
            new PredictSettings { Packages = packages, Backbone = _backbone, Input = input, Output = output, Texts = [("good", null)] },
            seen.Add, TestContext.Current.CancellationToken);

        var lines = File.ReadAllLines(output);
        Assert.Equal(count + 1, report.Rows);
        Assert.Equal(2 * (count + 1), lines.Length);
        Assert.Equal(seen.Select(r => r.ToLine()), lines);
        Assert.Equal(["mood", "stars"], report.Tasks);
        for (var i = 0; i < lines.Length; i++)
        {
            var line = JsonNode.Parse(lines[i])!;
            Assert.Equal((i / 2) + 1, line["row"]!.GetValue<int>());
            Assert.Equal(i % 2 == 0 ? "mood" : "stars", line["task"]!.GetValue<string>());
        }

        Assert.Equal(seen.Count(r => r.Answer.TruncatedTokens > 0), report.TruncatedRows);
        Assert.InRange(report.TruncatedRows, 1, report.Rows * 2);
    }

    [Fact]
    public void Pairs_and_named_columns_are_read()
    {
        var package = Save("lora", TaskKind.Regression, pair: true);
        var input = _folder.Write("rows.tsv", "first\tsecond\ngood film\tbad film\n");

        List<PredictedRow> seen = [];
        Predict.Run(
            new PredictSettings { Packages = [package], Backbone = _backbone, Input = input, TextColumn = "first", PairColumn = "second" },
            seen.Add, TestContext.Current.CancellationToken);

        var row = Assert.Single(seen);
        Assert.Equal(("good film", "bad film"), (row.Text, row.Pair));
        Assert.StartsWith("""{"row":1,"text":"good film","pair":"bad film","task":"stars","score":""", row.ToLine(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"text": "ok"}""" + "\n{\"txet\": \"bad\"}\n", "no column 'text'")]
    [InlineData("", "no rows")]
    [InlineData("{\n", "not valid JSON")]
    public void A_fault_in_the_rows_leaves_no_output(string rows, string expected)
    {
        var package = Save("head", TaskKind.Classification);
        var input = _folder.Write("rows.jsonl", rows);
        var output = _folder.At("results", "out.jsonl");
        Directory.CreateDirectory(_folder.At("results"));

        var error = Assert.Throws<GraftException>(() => Predict.Run(
            new PredictSettings { Packages = [package], Backbone = _backbone, Input = input, Output = output },
            cancellation: TestContext.Current.CancellationToken));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.At("results")));
    }

    [Fact]
    public void Cancelling_leaves_no_output()
    {
        var package = Save("head", TaskKind.Classification);
        Directory.CreateDirectory(_folder.At("results"));
        using var stop = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() => Predict.Run(
            new PredictSettings
            {
                Packages = [package], Backbone = _backbone, Output = _folder.At("results", "out.jsonl"), Texts = [.. Enumerable.Repeat(("a", (string?)null), 3000)],
            },
            _ => stop.Cancel(), stop.Token));

        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.At("results")));
    }

    [Fact]
    public void What_is_asked_of_nothing_or_too_many_is_one_sentence()
    {
        var first = Save("head", TaskKind.Classification);
        var second = Save("head", TaskKind.Multilabel);

        Sentence(() => Predict.Run(new PredictSettings { Packages = [first], Backbone = _backbone }), "nothing to answer");
        Sentence(() => Predict.Run(new PredictSettings { Packages = [], Texts = [("a", null)] }), "No package");
        Sentence(() => Predict.Run(new PredictSettings { Packages = [first], Backbone = _backbone, Texts = [("a", "b")] }), "leave --pair out");
        using var model = GraftModel.Load([first, second], _backbone);
        Sentence(() => model.Predict("a"), "2 tasks", "mood", "topics");
        Sentence(() => GraftModel.Load([first, first], _backbone), "Two packages");
    }

    [Fact]
    public void A_backbone_that_is_not_here_is_named_with_what_to_do()
    {
        var package = Save("head", TaskKind.Classification);

        Sentence(() => GraftModel.Load(package), "trained on the backbone 'tiny'", "--backbone");
        Sentence(() => GraftModel.Load(package, _folder.At("nowhere")), "nowhere");
        Sentence(() => GraftModel.Load(package, TinyModels.WriteFolder(_folder.At("deeper"), layers: 3)), "3 layers", "2 layers");
    }

    [Fact]
    public void Evaluation_measures_both_splits_and_knows_labels_in_another_order()
    {
        var package = Save("lora", TaskKind.Classification);
        var rows = new[] { "good film", "bad", "a plot", "bad film", "so good", "ah", "a b c", "film film" };
        using var model = GraftModel.Load(package, _backbone);
        var own = rows.Select(r => model.Predict(r).Label!).ToArray();
        var wrong = own.Select((label, i) => i < 4 ? label : label == "sad" ? "glad" : "sad").ToArray();
        WriteTask("straight", ["sad", "glad", "so-so"], own, wrong);
        WriteTask("turned", ["so-so", "sad", "glad"], own, wrong);

        foreach (var name in new[] { "straight", "turned" })
        {
            var report = Evaluate.Run(
                new EvaluateSettings { Package = package, Backbone = _backbone, Task = _folder.At($"{name}.task.json") }, TestContext.Current.CancellationToken);

            Assert.Equal((1.0, 0.5), (report.Dev["accuracy"], report.Test["accuracy"]));
            Assert.Equal((8, 8), (report.DevRows, report.TestRows));
            Assert.Equal(["accuracy", "macro_f1"], report.ToJson()["dev"]!.AsObject().Select(m => m.Key));
        }

        WriteTask("strange", ["sad", "glad", "glum"], [.. own.Select(_ => "glum")], wrong.Select(_ => "sad").ToArray());
        Sentence(
            () => Evaluate.Run(new EvaluateSettings { Package = package, Backbone = _backbone, Task = _folder.At("strange.task.json") }),
            "label 'glum'", "did you mean 'glad'");

        void WriteTask(string name, string[] labels, string[] dev, string[] test)
        {
            var all = new[] { ("train", dev), ("dev", dev), ("test", test) };
            foreach (var (split, answers) in all)
            {
                _folder.Write($"{name}.{split}.tsv", "text\tlabel\n" + string.Concat(rows.Zip(answers).Select(p => $"{p.First}\t{p.Second}\n")) + (split == "train" ? "x\tsad\ny\tglad\n" : ""));
            }

            _folder.Write($"{name}.task.json", $$"""
                {"name": "{{name}}", "kind": "classification", "format": "tsv", "header": true, "text": "text", "label": "label",
                 "labels": ["{{string.Join("\", \"", labels)}}"], "files": {"train": "{{name}}.train.tsv", "dev": "{{name}}.dev.tsv", "test": "{{name}}.test.tsv"} }
                """);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_training_reports_is_what_evaluation_measures(bool ownDev)
    {
        using var files = new TinyModelFolder();
        var task = files.WriteTask();
        if (!ownDev)
        {
            // Dev is then cut from train by the seed of the run, and evaluation has to cut the same rows.
            var text = JsonNode.Parse(File.ReadAllText(task))!;
            text["files"]!.AsObject().Remove("dev");
            File.WriteAllText(task, text.ToJsonString());
        }

        var trained = Train.Run(
            new TrainSettings { Backbone = files.Model, Tasks = [task], Out = _folder.At("run"), Steps = 12, Seed = 5 }, cancellation: TestContext.Current.CancellationToken).Tasks[0];
        var report = Evaluate.Run(
            new EvaluateSettings { Package = trained.Package, Backbone = files.Model, Task = task }, TestContext.Current.CancellationToken);

        Assert.Equal(trained.Dev, report.Dev);
        Assert.Equal(trained.Test, report.Test);
        Assert.Equal(trained.AdapterBytes, new FileInfo(Path.Combine(trained.Package, "adapter.safetensors")).Length);
        Assert.Empty(Inspect.Run(trained.Package).Faults);
    }

    [Fact]
    public void Inspecting_tells_what_there_is_and_that_it_is_healthy()
    {
        var package = Save("lora", TaskKind.Classification);

        var inspected = Inspect.Run(package);
        var model = Inspect.Run(_backbone);
        var file = Inspect.Run(Path.Combine(package, "head.safetensors"));

        Assert.All([inspected, model, file], r => Assert.Empty(r.Faults));
        Assert.Equal((InspectedKind.Package, InspectedKind.Backbone, InspectedKind.Weights), (inspected.Kind, model.Kind, file.Kind));
        Assert.Equal("lora", inspected.Facts["method"]!.GetValue<string>());
        Assert.Equal(inspected.Facts["backbone"]!["fingerprint"]!.GetValue<string>(), model.Facts["fingerprint"]!.GetValue<string>());
        Assert.Equal(new FileInfo(Path.Combine(package, "graft.json")).Length, inspected.Bytes["graft.json"]);
        Assert.Equal([1L * 3, 3L * TinyBackbones.Width], file.Tensors.Select(t => t.Count));
        Assert.Equal(51, file.Elements);
        Assert.Equal("head.safetensors", Assert.Single(file.Bytes).Key);
        Assert.NotNull(JsonNode.Parse(inspected.ToJson().ToJsonString()));
    }

    [Fact]
    public void Inspecting_finds_numbers_that_are_not_finite_and_files_that_were_changed()
    {
        var package = Save("head", TaskKind.Classification);
        var head = Path.Combine(package, "head.safetensors");
        using (var scope = new TensorScope())
        {
            SafetensorsWriter.Write(head, [
                SafetensorsEntry.From("weight", Tensor.Full([3, TinyBackbones.Width], double.NaN)), SafetensorsEntry.From("bias", Tensor.Zeros([3])),
            ]);
        }

        var faults = Inspect.Run(package).Faults;

        Assert.Contains(faults, f => f.Contains("'weight' holds numbers that are not finite", StringComparison.Ordinal));
        Assert.Contains(faults, f => f.Contains("SHA-256", StringComparison.Ordinal));
        File.WriteAllBytes(head, File.ReadAllBytes(head)[..50]);
        Sentence(() => Inspect.Run(head), "head.safetensors");
        Assert.Contains(Inspect.Run(package).Faults, f => f.Contains("head.safetensors", StringComparison.Ordinal));
        Sentence(() => Inspect.Run(_folder.Path), "neither a package");
        Sentence(() => Inspect.Run(_folder.At("nowhere")), "no file or folder");
    }

    [Fact]
    public void The_readme_s_lines_of_code_are_these()
    {
        Save("lora", TaskKind.Classification);
        var printed = new StringWriter();
        Readme(_folder.At("mood"), _backbone, printed);
        Assert.Matches(@"^(sad|glad|so-so) \d+\s?%\n$", printed.ToString());

        var source = File.ReadAllLines(SharedData.Repository("tests/Graft.Tests/Recipes/PackageRecipesTests.cs"));
        var from = Array.FindIndex(source, l => l.Contains("snippet begins", StringComparison.Ordinal) && !l.Contains("FindIndex", StringComparison.Ordinal)) + 1;
        var to = Array.FindIndex(source, from, l => l.Contains("snippet ends", StringComparison.Ordinal));
        var lines = source[from..to]
            .Select(l => l.Trim().Replace("Load(package, backbone)", "Load(\"packages/sentiment-yelp\")", StringComparison.Ordinal).Replace("console.", "Console.", StringComparison.Ordinal))
            .Prepend("using Graft.Recipes;").ToList();
        var readme = SharedData.Repository("README.md");
        if (!File.ReadAllText(readme).Contains("```csharp", StringComparison.Ordinal))
        {
            Assert.Skip("README.md has no C# code");
        }

        Assert.All(lines, line => Assert.Contains(line, File.ReadAllText(readme), StringComparison.Ordinal));
    }

    public void Dispose() => _folder.Dispose();

    private static void Readme(string package, string backbone, TextWriter console)
    {
        // snippet begins
        using var model = GraftModel.Load(package, backbone);
        var answer = model.Predict("A charming film.");
        console.WriteLine($"{answer.Label} {answer.Probability:P0}");
        // snippet ends
    }

    private string Save(string method, TaskKind kind, bool pair = false)
    {
        using var backbone = Backbone.Load(_backbone);
        using var model = TinyModels.Create(backbone, method, kind, pair: pair);
        return TaskModelPackage.Save(model, _folder.At(model.Task.Name), _backbone).Folder;
    }

    private static void Sentence(Action act, params string[] parts)
    {
        var error = Assert.Throws<GraftException>(act);
        Assert.All(parts, p => Assert.Contains(p, error.Message, StringComparison.Ordinal));
        Assert.DoesNotContain('\n', error.Message);
    }
}
