using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Recipes;
using Graft.Recipes.Pretraining;
using Graft.Tasks;
using Graft.Tasks.Corpora;
using Graft.TestKit;
using Graft.Text;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Recipes;

public sealed class PretrainTests : IDisposable
{
    private readonly TinyModelFolder _tiny = new();
    private readonly string _text;

    public PretrainTests()
    {
        // Words that follow each other in the alphabet: what is masked can be told from its neighbours.
        var random = new Random(2);
        _text = Path.Combine(_tiny.Root, "text.txt");
        File.WriteAllLines(_text, Enumerable.Range(0, 240).Select(_ =>
        {
            var first = random.Next(20);
            return string.Join(' ', Enumerable.Range(first, random.Next(6, 16)).Select(w => TinyModelFolder.Words[w]));
        }));
    }

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_model_learns_to_restore_masked_words_from_their_neighbours()
    {
        // Each line is one word again and again: whatever is masked is what stands around it.
        var text = Path.Combine(_tiny.Root, "echo.txt");
        File.WriteAllLines(text, Enumerable.Range(0, 240).Select(i => string.Join(' ', Enumerable.Repeat(TinyModelFolder.Words[i % 12], 6 + (i % 7)))));
        var fresh = Settings("fresh") with { Text = [text], Config = FreshConfig(dropout: 0), Tokenizer = _tiny.Model, Epochs = 12, Lr = 1e-2, Unit = TextUnit.Line };

        var report = Pretrain.Run(fresh, cancellation: TestContext.Current.CancellationToken);

        // Which words there are is worth log 12 = 2.5; less is told by neighbours.
        Assert.True(report.LossAfter < 1.7, $"{report.LossBefore} to {report.LossAfter}, {report.AccuracyAfter}");
        Assert.True(report.AccuracyAfter > 0.3, $"{report.LossAfter}, {report.AccuracyAfter}");
    }

    [Fact]
    public void Texts_that_training_chooses_by_or_reports_on_are_not_trained_on()
    {
        var task = _tiny.WriteTask();
        var cut = JsonNode.Parse(File.ReadAllText(task))!;
        cut["name"] = "cut";
        cut["files"]!.AsObject().Remove("dev");
        File.WriteAllText(Path.Combine(_tiny.Root, "cut.task.json"), cut.ToJsonString());

        // The cut is training's whatever the seed; the halves of a dev file are dev and test.
        foreach (var (file, rule, seed) in new[] { (Path.Combine(_tiny.Root, "cut.task.json"), SplitRule.Files, 5L), (task, SplitRule.Halves, 0L) })
        {
            var rows = Train.Load(file, new TrainSettings { Tasks = [file], Out = Out("none"), Split = rule });
            var texts = new PretrainTexts(PretrainSettings.Read(StrictJson.From(
                new JsonObject { ["task"] = file, ["split"] = rule.ToString().ToLowerInvariant(), ["seed"] = seed, ["out"] = Out("none") }, "test")));

            Assert.Equal(rows.Train.Select(r => r.Text), texts.Plain());
            Assert.NotEmpty(rows.Dev);
        }
    }

    [Fact]
    public void What_comes_of_it_is_a_folder_like_any_other()
    {
        // What the source says of its own weights, and files of a sentence model with a second config.json.
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_tiny.Model, "config.json")))!;
        (config["torch_dtype"], config["tie_word_embeddings"]) = ("bfloat16", false);
        File.WriteAllText(Path.Combine(_tiny.Model, "config.json"), config.ToJsonString());
        Directory.CreateDirectory(Path.Combine(_tiny.Model, "1_Pooling"));
        File.WriteAllText(Path.Combine(_tiny.Model, "1_Pooling", "config.json"), "{}");

        var report = Pretrain.Run(Settings("out") with { Steps = 30, Lr = 1e-2 }, cancellation: TestContext.Current.CancellationToken);

        var written = JsonNode.Parse(File.ReadAllText(Path.Combine(Out("out"), "config.json")))!;
        Assert.Equal(("float32", true), ((string?)written["torch_dtype"], (bool?)written["tie_word_embeddings"]));
        Assert.Equal("{}", File.ReadAllText(Path.Combine(Out("out"), "1_Pooling", "config.json")));
        Assert.True(report.LossAfter < report.LossBefore, $"{report.LossBefore} to {report.LossAfter}");
        Assert.Equal((200, 40, 30, 0, false), (report.Texts, report.DevTexts, report.Steps, report.CutTexts, report.HeadWasPretrained));
        Assert.Equal(0, report.FoldingDifference);
        Assert.Equal("BertForMaskedLM", report.Architecture);
        using var before = Backbone.Load(_tiny.Model);
        using var after = Backbone.Load(Out("out"));
        Assert.Equal(report.Fingerprint, after.Fingerprint);
        Assert.NotEqual(before.Fingerprint, after.Fingerprint);
        using var file = SafetensorsFile.Open(Path.Combine(Out("out"), "model.safetensors"));
        Assert.Superset(
            new HashSet<string> { "cls.predictions.bias", "cls.predictions.transform.dense.weight", "cls.predictions.transform.LayerNorm.bias", "bert.embeddings.word_embeddings.weight" },
            file.Keys.ToHashSet(StringComparer.Ordinal));
        Assert.Equal(
            ["run.json", "config.json", "model.safetensors", "vocab.txt"],
            Directory.GetFiles(Out("out")).Select(f => Path.GetFileName(f)!).OrderBy(n => Array.IndexOf(["run.json", "config.json", "model.safetensors", "vocab.txt"], n)));
        Assert.Equal(["pretrain.jsonl", "pretrain.report.json"], Directory.GetFiles(Path.Combine(Out("out"), "training")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Single(Directory.GetFiles(Path.Combine(Out("out"), "tensorboard"), "events.out.tfevents.*"));
    }

    [Theory]
    [InlineData("full")]
    [InlineData("lora")]
    public void Passes_of_bfloat16_train_float32_weights(string method)
    {
        // A rate at which no weight moves: one that began rounded to eight bits would not come back as it was.
        var still = Settings("still") with { Method = method, Steps = 1, Lr = 1e-30, WeightDecay = 0, Precision = "bf16" };
        Pretrain.Run(still, cancellation: TestContext.Current.CancellationToken);
        using (var before = Backbone.Load(_tiny.Model))
        using (var after = Backbone.Load(Out("still")))
        {
            Assert.All(before.NamedParameters().Zip(after.NamedParameters()), p => TensorAssert.Close(p.First.Parameter.Value, p.Second.Parameter.Value, 1e-7, 0));
        }

        var settings = Settings("full") with { Method = method, Steps = 30, Lr = 1e-2 };
        var single = Pretrain.Run(settings, cancellation: TestContext.Current.CancellationToken);
        var half = Pretrain.Run(settings with { Out = Out("half"), Precision = "bf16" }, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(single.LossAfter!.Value, half.LossAfter!.Value, 0.05);
        Assert.NotEqual(single.LossAfter, half.LossAfter);
        Assert.True(half.FoldingDifference < 1e-4, $"{half.FoldingDifference}");
        Assert.Contains("use f32 or bf16", Refused(settings with { Overwrite = true, Precision = "f16" }), StringComparison.Ordinal);
    }

    [Fact]
    public void The_next_pretraining_goes_on_with_the_head_that_the_first_one_wrote()
    {
        var first = Pretrain.Run(Settings("first") with { Steps = 10, Lr = 1e-2 }, cancellation: TestContext.Current.CancellationToken);

        var second = Pretrain.Run(Settings("second") with { Backbone = Out("first"), Steps = 1 }, cancellation: TestContext.Current.CancellationToken);

        Assert.True(second.HeadWasPretrained);
        Assert.Equal(first.LossAfter!.Value, second.LossBefore!.Value, 1e-5);
    }

    [Theory]
    [InlineData("full", false)]
    [InlineData("lora", false)]
    [InlineData("full", true)]
    [InlineData("full", true, "bf16")]
    [InlineData("lora", false, "bf16")]
    [InlineData("unipelt", false)]
    [InlineData("unipelt", false, "bf16")]
    public void A_run_that_was_stopped_anywhere_ends_with_the_same_bits(string method, bool fresh, string precision = "f32")
    {
        PretrainSettings Of(string name) => Settings(name) with
        {
            Method = method, Precision = precision, Steps = 8, Batch = 12, MicroBatch = 5, Evaluations = 3, CheckpointMinutes = method == "lora" ? 0 : 10,
            Config = fresh ? FreshConfig() : null, VocabularySize = fresh ? 90 : null, Unit = fresh ? TextUnit.Packed : null,
        };
        var undisturbed = Pretrain.Run(Of("whole"), cancellation: TestContext.Current.CancellationToken);

        // Cancelled while a step is under way: it is given up between its passes and done again.
        var stops = 0;
        PretrainReport? resumed = null;
        while (resumed is null)
        {
            using var stop = new CancellationTokenSource();
            var begun = 0;
            try
            {
                resumed = Pretrain.Run(
                    Of("stopped") with { Resume = stops > 0 },
                    state =>
                    {
                        // First before the first step is done, then while dev is judged, then anywhere.
                        if (stops == 0 ? state.Phase == PretrainPhase.Training : stops == 1 && state is { Phase: PretrainPhase.Evaluating, Step: > 0 })
                        {
                            stop.Cancel();
                        }
                        else if (stops > 1 && state.Phase == PretrainPhase.Training && state.Step > 0 && ++begun == 2 && state.Step < 8)
                        {
                            stop.CancelAfter(TimeSpan.FromTicks(stops * 400));
                        }
                    },
                    stop.Token);
            }
            catch (TrainingInterruptedException interruption)
            {
                stops++;
                Assert.Contains("--resume", interruption.Message, StringComparison.Ordinal);
                Assert.False(File.Exists(Path.Combine(Out("stopped"), "config.json")));
            }
        }

        Assert.InRange(stops, 2, 20);
        Assert.Equal(undisturbed.Fingerprint, resumed.Fingerprint);
        string[] weights = [.. Directory.GetFiles(Out("whole"), "*.safetensors", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Out("whole"), f))];
        Assert.Equal(method == "unipelt" ? 3 : fresh ? 2 : 1, weights.Length);
        Assert.All(weights, f => Assert.Equal(File.ReadAllBytes(Path.Combine(Out("whole"), f)), File.ReadAllBytes(Path.Combine(Out("stopped"), f))));
        Assert.Equal((undisturbed.LossBefore, undisturbed.LossAfter, undisturbed.Tokens), (resumed.LossBefore, resumed.LossAfter, resumed.Tokens));
        Assert.Equal(Curve("whole"), Curve("stopped"));
    }

    [Fact]
    public void A_finished_run_is_reported_again_and_others_are_refused()
    {
        var report = Pretrain.Run(Settings("out") with { Steps = 2 }, cancellation: TestContext.Current.CancellationToken);

        var again = Pretrain.Run(Settings("out") with { Steps = 2, Resume = true }, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(report.ToJson().ToJsonString(), again.ToJson().ToJsonString());
        Assert.Contains("--overwrite", Refused(Settings("out") with { Steps = 2 }), StringComparison.Ordinal);
        Assert.Contains("other settings", Refused(Settings("out") with { Steps = 3, Resume = true }), StringComparison.Ordinal);
        Assert.Contains("did not make", Refused(Settings("out") with { Out = _tiny.Model }), StringComparison.Ordinal);
        Assert.Contains("lies in", Refused(Settings("out") with { Backbone = Out("out"), Overwrite = true }), StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(Out("foreign"), "start"));
        Assert.Contains("--dev-items 120", Refused(Settings("half") with { DevItems = 121 }), StringComparison.Ordinal);
        Assert.Contains("'start'", Refused(Settings("foreign")), StringComparison.Ordinal);
        Assert.Contains("made for several tasks", Refused(Settings("other") with { Method = "pha" }), StringComparison.Ordinal);
        Assert.Contains("made of trained adapters", Refused(Settings("other") with { Method = "fusion", Set = new JsonObject { ["adapters"] = Out("none") } }), StringComparison.Ordinal);
    }

    [Fact]
    public void What_replaces_a_run_leaves_nothing_of_it_and_what_is_refused_leaves_all()
    {
        Pretrain.Run(Settings("out") with { Steps = 1, Config = FreshConfig(), VocabularySize = 90 }, cancellation: TestContext.Current.CancellationToken);
        File.WriteAllText(Path.Combine(Out("out"), "spiece.model"), "of another model");
        string[] before = [.. Directory.GetFiles(Out("out"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        foreach (var faulty in new[]
        {
            Settings("out") with { Method = "fusion" }, Settings("out") with { Backbone = "no/model" }, Settings("out") with { Device = "abacus" },
            Settings("out") with { Config = FreshConfig(type: "gpt2") }, Settings("out") with { Config = FreshConfig(), Method = "prefix-tuning" },
        })
        {
            Refused(faulty with { Overwrite = true });
            Assert.Equal(before, Directory.GetFiles(Out("out"), "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));
        }

        var seen = false;
        Pretrain.Run(
            Settings("out") with { Steps = 1, Overwrite = true },
            state =>
            {
                seen |= state.Phase == PretrainPhase.Training;
                Assert.True(state.Phase is PretrainPhase.Writing or PretrainPhase.Done || !File.Exists(Path.Combine(Out("out"), "model.safetensors")));
            },
            TestContext.Current.CancellationToken);

        Assert.True(seen);
        Assert.Equal(
            ["config.json", "model.safetensors", "run.json", "vocab.txt"], Directory.GetFiles(Out("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(["tensorboard", "training"], Directory.GetDirectories(Out("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_told_by_the_config_is_told_before_texts_are_read()
    {
        var config = FreshConfig(type: "gpt2");
        PretrainSettings Of(string file) => Settings("bad") with { Config = file, VocabularySize = 90 };

        Assert.Contains(config, Refused(Of(config)), StringComparison.Ordinal);
        File.WriteAllText(config, "{\"model_type\": 3, \"vocab_size\": 60}");
        Assert.Contains("'model_type' is 3", Refused(Of(config)), StringComparison.Ordinal);
        Assert.Contains("span_length", Refused(Of(FreshConfig()) with { SpanLength = 2 }), StringComparison.Ordinal);
        Assert.Contains("cannot be folded", Refused(Of(FreshConfig()) with { Method = "prefix-tuning" }), StringComparison.Ordinal);
        File.WriteAllLines(Path.Combine(_tiny.Model, "vocab.txt"), File.ReadAllLines(Path.Combine(_tiny.Model, "vocab.txt")).Select(t => t == "[MASK]" ? "[NONE]" : t));
        Assert.Contains("[MASK]", Refused(Settings("bad")), StringComparison.Ordinal);
        Assert.False(Directory.Exists(Out("bad")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_stopped_while_texts_are_read_goes_on_too(bool fresh)
    {
        var settings = Settings("out") with { Steps = 1, Config = fresh ? FreshConfig() : null, VocabularySize = fresh ? 90 : null };
        using var stop = new CancellationTokenSource();
        stop.Cancel();

        var told = Assert.Throws<TrainingInterruptedException>(() => Pretrain.Run(settings, cancellation: stop.Token));

        Assert.Contains("--resume", told.Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(Out("out"), "training", $".tokens.bin.{Guid.NewGuid():N}.tmp"), "killed");
        Directory.CreateDirectory(Path.Combine(Out("out"), $".start.{Guid.NewGuid():N}.tmp"));
        Assert.Equal(1, Pretrain.Run(settings with { Resume = true }, cancellation: TestContext.Current.CancellationToken).Steps);
        Assert.Empty(Directory.GetFileSystemEntries(Out("out"), ".*", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_tasks_own_texts_are_trained_on_and_its_dev_texts_judged_on()
    {
        var task = _tiny.WriteTask();
        var settings = PretrainSettings.Read(StrictJson.From(
            new JsonObject { ["task"] = task, ["recipe"] = "tapt", ["backbone"] = _tiny.Model, ["out"] = Out("tapt"), ["epochs"] = 2, ["mask_share"] = 0.3, ["whole_words"] = true }, "test"));

        var report = Pretrain.Run(settings, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal((96, 30, 2), (report.Texts, report.DevTexts, report.Steps));
        var start = JsonNode.Parse(File.ReadLines(Path.Combine(Out("tapt"), "training", "pretrain.jsonl")).First())!;
        Assert.Equal((256, 1e-4), (start["batch"]!.GetValue<int>(), start["lr"]!.GetValue<double>()));

        // Also where the embeddings are left alone.
        Pretrain.Run(settings with { Set = new JsonObject { ["embeddings"] = false }, Overwrite = true }, cancellation: TestContext.Current.CancellationToken);
        start = JsonNode.Parse(File.ReadLines(Path.Combine(Out("tapt"), "training", "pretrain.jsonl")).First())!;
        Assert.Equal(1e-4, start["lr"]!.GetValue<double>());
    }

    [Fact]
    public void A_t5_learns_spans_from_random_weights()
    {
        using var t5 = new TinyModelFolder(t5: true);
        TinyT5Folder.WithPlaceholders(t5.Model, 10);
        var settings = Settings("t5") with { Config = t5.Model, Tokenizer = t5.Model, Epochs = 5, Lr = 3e-2, Unit = TextUnit.Line };

        var report = Pretrain.Run(settings, cancellation: TestContext.Current.CancellationToken);

        Assert.True(report.LossAfter < 0.7 * report.LossBefore, $"{report.LossBefore} to {report.LossAfter}");
        Assert.Equal("T5ForConditionalGeneration", report.Architecture);
        Assert.NotNull(JsonNode.Parse(File.ReadAllText(Path.Combine(Out("t5"), "config.json")))!["decoder_start_token_id"]);
        Assert.Contains("--whole-words", Refused(settings with { Overwrite = true, WholeWords = true }), StringComparison.Ordinal);
        using var start = Backbone.Load(Path.Combine(Out("t5"), "start"));
        using var end = Backbone.Load(Out("t5"));
        Assert.Equal(start.Config, end.Config);
        Assert.Equal(Tokenizer.Load(t5.Model).VocabularySize, end.Config.VocabularySize);
    }

    [Fact]
    public void A_t5_from_nothing_gets_a_unigram_tokenizer_of_its_texts()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/spm_train"), "Debian's package sentencepiece is not installed.");
        using var t5 = new TinyModelFolder(t5: true);
        var settings = Settings("t5") with { Config = Path.Combine(t5.Model, "config.json"), VocabularySize = 160, Steps = 4 };

        var report = Pretrain.Run(settings, cancellation: TestContext.Current.CancellationToken);

        var tokenizer = Tokenizer.Load(Out("t5"));
        using var start = Backbone.Load(Path.Combine(Out("t5"), "start"));
        Assert.InRange(tokenizer.VocabularySize, 110, 160);
        Assert.Equal(tokenizer.VocabularySize, start.Config.VocabularySize);
        Assert.Equal(TinyModelFolder.Words[3], tokenizer.Decode(tokenizer.Encode(TinyModelFolder.Words[3]).Ids));
        Assert.InRange(report.LossBefore!.Value, 0.8 * Math.Log(tokenizer.VocabularySize), 1.3 * Math.Log(tokenizer.VocabularySize));
    }

    [Fact]
    public void A_model_from_nothing_gets_a_tokenizer_of_its_texts()
    {
        var report = Pretrain.Run(
            Settings("fresh") with { Config = FreshConfig(), Steps = 2, VocabularySize = 90 }, cancellation: TestContext.Current.CancellationToken);

        var tokenizer = Tokenizer.Load(Out("fresh"));
        using var start = Backbone.Load(Path.Combine(Out("fresh"), "start"));
        Assert.InRange(tokenizer.VocabularySize, 32, 90);
        Assert.Equal(tokenizer.VocabularySize, start.Config.VocabularySize);
        Assert.Equal(Math.Log(tokenizer.VocabularySize), report.LossBefore!.Value, 0.2);
        Assert.Contains("vocab_size", Refused(Settings("bad") with { Config = FreshConfig(vocabulary: null) }), StringComparison.Ordinal);
        Assert.Contains("--tokenizer", Refused(Settings("bad") with { Config = FreshConfig(type: "roberta"), Overwrite = true }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "--text")]
    [InlineData("""{"text": "a.txt", "task": "sst-2"}""", "both text and task")]
    [InlineData("""{"task": "sst-2", "unit": "line"}""", "unit")]
    [InlineData("""{"text": "a.txt", "config": "c", "backbone": "b"}""", "both backbone and config")]
    [InlineData("""{"text": "a.txt", "tokenizer": "b"}""", "--config")]
    [InlineData("""{"text": "a.txt", "data": "b"}""", "--task")]
    [InlineData("""{"text": "a.txt", "lowercase": true}""", "lowercase")]
    [InlineData("""{"task": "sst-2", "separator": ""}""", "separator")]
    [InlineData("""{"text": "a.txt", "steps": 1, "epochs": 1}""", "both epochs and steps")]
    [InlineData("""{"text": "a.txt", "mask_share": 1}""", "mask_share")]
    [InlineData("""{"text": "a.txt", "recipe": "dap"}""", "dapt")]
    [InlineData("""{"text": "a.txt", "mask_shares": 1}""", "mask_share")]
    public void Settings_that_contradict_each_other_are_refused(string json, string word)
    {
        var settings = JsonNode.Parse(json)!.AsObject();
        settings["out"] = "out";

        Assert.Contains(word, Assert.Throws<GraftException>(() => PretrainSettings.Read(StrictJson.From(settings, "test"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, 100, 64, 1e-4, 1.0, null)]
    [InlineData(PretrainRecipe.Dapt, 100, 2048, 5e-4, 1.0, 12_500)]
    [InlineData(PretrainRecipe.Tapt, 4999, 256, 1e-4, 100.0, null)]
    [InlineData(PretrainRecipe.Tapt, 5000, 2048, 5e-4, 100.0, null)]
    public void Recipes_have_the_published_numbers(PretrainRecipe? recipe, int texts, int batch, double rate, double epochs, int? steps)
    {
        var loop = (new PretrainSettings { Out = "", Recipe = recipe }).Loop(texts, null);

        Assert.Equal((batch, rate, epochs, steps), (loop.BatchSize, loop.LearningRate, loop.Epochs, loop.Steps));
        Assert.Equal((0.98, 1e-6, 0.01, 0.06), (loop.Beta2, loop.Epsilon, loop.WeightDecay, loop.WarmupRatio));
        Assert.Equal(3e-3, (new PretrainSettings { Out = "", Recipe = recipe }).Loop(texts, own: 3e-3).LearningRate);
    }

    private string Out(string name) => Path.Combine(_tiny.Root, name);

    private string Refused(PretrainSettings settings) =>
        Assert.Throws<GraftException>(() => Pretrain.Run(settings, cancellation: TestContext.Current.CancellationToken)).Message;

    private PretrainSettings Settings(string name) => new()
    {
        Backbone = _tiny.Model, Text = [_text], Out = Out(name), Batch = 8, MicroBatch = 8, MaxTokens = 24, DevItems = 40, Evaluations = 2,
    };

    private string FreshConfig(string type = "bert", int? vocabulary = 61, double dropout = 0.1)
    {
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(_tiny.Model, "config.json")))!;
        (config["model_type"], config["vocab_size"]) = (type, vocabulary);
        (config["hidden_dropout_prob"], config["attention_probs_dropout_prob"]) = (dropout, dropout);
        var path = Path.Combine(_tiny.Root, $"{type}-{vocabulary}.config.json");
        File.WriteAllText(path, config.ToJsonString());
        return path;
    }

    // The log without its times.
    private List<string> Curve(string name) => [.. File.ReadLines(Path.Combine(Out(name), "training", "pretrain.jsonl")).Select(line =>
    {
        var entry = JsonNode.Parse(line)!.AsObject();
        foreach (var key in new[] { "seconds", "began", "report" })
        {
            entry.Remove(key);
        }

        return entry.ToJsonString();
    })];
}
