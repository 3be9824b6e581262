using System.Text.Json.Nodes;

namespace Graft.TestKit;

/// <summary>Questions that a tiny model can learn to answer: the answer is the only word of the context that is one of a few.</summary>
public static class TinyQuestions
{
    private const int Answers = 6;

    /// <summary>Writes a task of spans as SQuAD's JSON with a task file beside it; contexts are longer than the tiny model takes.</summary>
    /// <param name="folder">Where the model lies.</param>
    /// <param name="name">The task's name.</param>
    /// <param name="withNone">Whether some contexts hold no answer.</param>
    /// <param name="longest">The most words of a context.</param>
    /// <param name="train">The questions of train.</param>
    /// <param name="dev">The questions of dev.</param>
    /// <returns>The task file.</returns>
    public static string Write(TinyModelFolder folder, string name = "questions", bool withNone = false, int longest = 40, int train = 80, int dev = 20)
    {
        var random = new Random(4);
        foreach (var (split, count) in new[] { ("train", train), ("dev", dev) })
        {
            var paragraphs = Enumerable.Range(0, count).Select(i => (JsonNode)Paragraph(random, $"{split}-{i}", withNone && i % 4 == 0, longest));
            var document = new JsonObject { ["data"] = new JsonArray(new JsonObject { ["paragraphs"] = new JsonArray([.. paragraphs]) }) };
            File.WriteAllText(Path.Combine(folder.Root, $"{name}.{split}.json"), document.ToJsonString());
        }

        var path = Path.Combine(folder.Root, name + ".task.json");
        var files = new JsonObject { ["train"] = $"{name}.train.json", ["dev"] = $"{name}.dev.json" };
        File.WriteAllText(path, new JsonObject { ["name"] = name, ["kind"] = "span", ["files"] = files }.ToJsonString());
        return path;
    }

    private static JsonObject Paragraph(Random random, string id, bool none, int longest)
    {
        var words = Enumerable.Range(0, random.Next(4, longest)).Select(_ => TinyModelFolder.Words[random.Next(Answers, TinyModelFolder.Words.Count)]).ToList();
        var (answer, at) = (TinyModelFolder.Words[random.Next(Answers)], random.Next(words.Count));
        if (!none)
        {
            words[at] = answer;
        }

        var start = string.Join(' ', words.Take(at)).Length + (at > 0 ? 1 : 0);
        return new JsonObject
        {
            ["context"] = string.Join(' ', words),
            ["qas"] = new JsonArray(new JsonObject
            {
                ["id"] = id,
                ["question"] = $"{TinyModelFolder.Words[Answers]} {TinyModelFolder.Words[Answers + 1]}",
                ["answers"] = none ? [] : new JsonArray(new JsonObject { ["text"] = answer, ["answer_start"] = start }),
            }),
        };
    }
}
