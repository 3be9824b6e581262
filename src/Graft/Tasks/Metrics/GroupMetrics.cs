namespace Graft.Tasks;

/// <summary>
/// Metrics of rows that belong together: each group is a question, each of its rows a possible answer, which is right (label 1) or not (label 0). The likeliest row
/// is that with the highest probability of label 1, the first of equals. A row whose group is not known is a group. Stateless.
/// </summary>
internal static class GroupMetrics
{
    /// <summary>Groups whose likeliest row is right / groups: accuracy of COPA, EM of ReCoRD.</summary>
    public static double Accuracy(Predictions predictions) => Mean(predictions, rows => predictions.ExpectedClasses[Likeliest(predictions, rows)] == 1 ? 1 : 0);

    /// <summary>Groups all of whose rows are predicted rightly / groups: MultiRC's EM.</summary>
    public static double Exact(Predictions predictions) =>
        Mean(predictions, rows => Array.TrueForAll(rows, r => predictions.ExpectedClasses[r] == predictions.PredictedClasses[r]) ? 1 : 0);

    /// <summary>
    /// Mean over groups of the largest F1 of words between the answer of the likeliest row and that of a right one, words as SQuAD compares them: F1 of ReCoRD. 0 for
    /// a group without a right row; answers that are not known share no words with others.
    /// </summary>
    public static double TokenF1(Predictions predictions) => Mean(predictions, rows =>
    {
        var likeliest = Likeliest(predictions, rows);
        return rows.Where(r => predictions.ExpectedClasses[r] == 1)
            .Select(r => r == likeliest ? 1 : AnswerMetrics.WordF1(predictions.Answers.ElementAtOrDefault(likeliest) ?? "", predictions.Answers.ElementAtOrDefault(r) ?? ""))
            .DefaultIfEmpty(0)
            .Max();
    });

    private static int Likeliest(Predictions predictions, int[] rows) => rows.MaxBy(r => predictions.SecondLabel[r]);

    private static double Mean(Predictions predictions, Func<int[], double> value)
    {
        if (predictions.Classes != 2)
        {
            throw new ArgumentException($"Metrics of groups need two labels, there are {predictions.Classes}.", nameof(predictions));
        }

        // What stands alone has a number of its own, below those of groups.
        var groups = Enumerable.Range(0, predictions.Count).GroupBy(r => predictions.Groups.Count > r ? predictions.Groups[r] ?? ~r : ~r).Select(g => g.ToArray()).ToList();
        return groups.Count == 0 ? 0 : groups.Average(value);
    }
}
