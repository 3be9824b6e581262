namespace Graft.Tasks;

/// <summary>
/// Metrics made of counts of right and wrong labels. An answer that is no label is wrong everywhere; what else it counts as is said at each. Stateless.
/// </summary>
internal static class CountMetrics
{
    /// <summary>Rows that are wholly right / rows; for label sets, a row is right when both sets are equal.</summary>
    public static double Accuracy(Predictions predictions)
    {
        var right = predictions.Kind == TaskKind.Classification
            ? predictions.ExpectedClasses.Zip(predictions.PredictedClasses).Count(pair => pair.First == pair.Second)
            : predictions.ExpectedSets.Zip(predictions.PredictedSets).Count(pair => new HashSet<int>(pair.First).SetEquals(pair.Second));
        return Ratio(right, predictions.Count);
    }

    /// <summary>2 TP / (2 TP + FP + FN) of label 1; an answer that is no label counts as the wrong one of the two (PHA's f1_score_with_invalid).</summary>
    public static double BinaryF1(Predictions predictions)
    {
        if (predictions.Classes != 2)
        {
            throw new ArgumentException($"f1 needs two labels, there are {predictions.Classes}.", nameof(predictions));
        }

        var (hits, predicted, expected) = Count(predictions)[1];
        var wronglyOne = predictions.ExpectedClasses.Zip(predictions.PredictedClasses).Count(pair => pair is (0, Predictions.NoLabel));
        return F1((hits, predicted + wronglyOne, expected));
    }

    /// <summary>2 TP / (2 TP + FP + FN) of the sums over all labels; for one label per row this is the accuracy.</summary>
    public static double MicroF1(Predictions predictions)
    {
        var counts = Count(predictions);
        return F1((counts.Sum(one => one.Hits), counts.Sum(one => one.Predicted), counts.Sum(one => one.Expected)));
    }

    /// <summary>
    /// Mean of 2 TP / (2 TP + FP + FN) over labels: for one label per row those that are right or predicted somewhere, for label sets all,
    /// both as scikit-learn does by default. Answers that are no label make no class of their own.
    /// </summary>
    public static double MacroF1(Predictions predictions)
    {
        var counts = Count(predictions).Take(predictions.Classes).Where(one => predictions.Kind == TaskKind.Multilabel || one.Predicted + one.Expected > 0).ToList();
        return counts.Count == 0 ? 0 : counts.Average(F1);
    }

    /// <summary>
    /// Mean of 2 TP / (2 TP + FP + FN) over all labels, one that is neither right nor predicted anywhere counting 0. Source: AllenNLP's F1Measure as "Don't Stop
    /// Pretraining" (Gururangan et al. 2020) averages it.
    /// </summary>
    public static double MacroF1OfAll(Predictions predictions) =>
        predictions.Count == 0 ? 0 : Count(predictions).Take(predictions.Classes).Average(F1);

    /// <summary>
    /// Mean of 2 TP / (2 TP + FP + FN) over the labels but the first, which stands for none of the others. Source: stance in TweetEval (Barbieri et al. 2020),
    /// where it is of against and favor.
    /// </summary>
    public static double MacroF1OfRest(Predictions predictions) =>
        predictions.Count == 0 ? 0 : Count(predictions).Take(predictions.Classes).Skip(1).Average(F1);

    /// <summary>Mean of TP / (TP + FN) over the labels that are right somewhere, as scikit-learn's balanced accuracy.</summary>
    public static double MacroRecall(Predictions predictions)
    {
        var counts = Count(predictions).Where(one => one.Expected > 0).ToList();
        return counts.Count == 0 ? 0 : counts.Average(one => Ratio(one.Hits, one.Expected));
    }

    /// <summary>
    /// (c n - sum_k p_k t_k) / sqrt((n^2 - sum_k p_k^2) (n^2 - sum_k t_k^2)) with c right rows of n, and label k predicted p_k
    /// and right t_k times; for two labels the familiar (TP TN - FP FN) / sqrt(...). Answers that are no label are a class of their own.
    /// </summary>
    public static double Matthews(Predictions predictions)
    {
        var counts = Count(predictions);
        double rows = predictions.Count;
        var covariance = (counts.Sum(one => (double)one.Hits) * rows) - counts.Sum(one => (double)one.Predicted * one.Expected);
        var ofPredicted = (rows * rows) - counts.Sum(one => (double)one.Predicted * one.Predicted);
        var ofExpected = (rows * rows) - counts.Sum(one => (double)one.Expected * one.Expected);
        return Ratio(covariance, Math.Sqrt(ofPredicted) * Math.Sqrt(ofExpected));
    }

    private static double F1((int Hits, int Predicted, int Expected) counts) => Ratio(2.0 * counts.Hits, (double)counts.Predicted + counts.Expected);

    private static double Ratio(double over, double under) => under == 0 ? 0 : over / under;

    /// <summary>For each label: rows where it is right and predicted, where it is predicted, where it is right. Last, answers that are no label.</summary>
    private static (int Hits, int Predicted, int Expected)[] Count(Predictions predictions)
    {
        var counts = new (int Hits, int Predicted, int Expected)[predictions.Classes + 1];
        for (var row = 0; row < predictions.Count; row++)
        {
            if (predictions.Kind == TaskKind.Classification)
            {
                var (expected, predicted) = (predictions.ExpectedClasses[row], predictions.PredictedClasses[row]);
                counts[expected].Expected++;
                counts[predicted == Predictions.NoLabel ? predictions.Classes : predicted].Predicted++;
                counts[expected].Hits += expected == predicted ? 1 : 0;
                continue;
            }

            var right = new HashSet<int>(predictions.ExpectedSets[row]);
            foreach (var label in right)
            {
                counts[label].Expected++;
            }

            foreach (var label in predictions.PredictedSets[row].Distinct())
            {
                counts[label].Predicted++;
                counts[label].Hits += right.Contains(label) ? 1 : 0;
            }
        }

        return counts;
    }
}
