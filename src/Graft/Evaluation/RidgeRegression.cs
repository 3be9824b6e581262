using Graft.Tasks;
using Graft.Torch;

namespace Graft.Evaluation;

/// <summary>
/// Linear models with an L2 penalty, fitted to the minimum of <c>mean loss(XW + b, Y) + strength / 2 · |W|²</c>: softmax regression
/// (classification), one logistic regression per label (multilabel), least squares (regression). Stateless and thread-safe.
/// </summary>
public static class RidgeRegression
{
    private const int MostIterations = 500;
    private const int IterationsBetweenChecks = 10;
    private const double GradientTolerance = 1e-4;
    private const int PowerIterations = 40;

    /// <summary>Fits the weights by accelerated gradient descent with restarts (Nesterov 1983; O'Donoghue and Candès 2015).</summary>
    /// <param name="x">[N, D], floating: the features, best standardized.</param>
    /// <param name="y">[N, C], floating: one-hot classes, 0 or 1 per label, or [N, 1] numbers.</param>
    /// <param name="kind">Which loss.</param>
    /// <param name="strength">The strength of the penalty, above 0; the intercept b is free of it.</param>
    /// <param name="start">[D + 1, C]: weights to start from; null for zero.</param>
    /// <returns>[D + 1, C]: W, and b in the last row.</returns>
    public static Tensor Fit(Tensor x, Tensor y, TaskKind kind, double strength, Tensor? start = null)
    {
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        var design = WithIntercept(x);
        var penalty = Tensor.Full([design.Size(1), 1], strength, x.DType);
        penalty.Narrow(0, design.Size(1) - 1, 1).Zero_();
        var transposed = design.Transpose(0, 1) / design.Size(0);
        var curvature = kind switch { TaskKind.Classification => 0.5, TaskKind.Multilabel => 0.25, _ => 1.0 };
        var step = 1 / ((curvature * LargestEigenvalue(design, transposed)) + strength);

        var weights = (start ?? Tensor.Zeros([design.Size(1), y.Size(1)], x.DType)).Clone();
        var ahead = weights.Clone();
        var smallEnough = GradientTolerance * Gradient(Tensor.Zeros(weights.Shape, x.DType)).Norm().ToDouble();
        var momentum = 1.0;
        for (var i = 1; i <= MostIterations; i++)
        {
            using var inner = new TensorScope();
            var gradient = Gradient(ahead);
            if (i % IterationsBetweenChecks == 0 && gradient.Norm().ToDouble() <= smallEnough)
            {
                break;
            }

            var next = ahead.AddScaled(gradient, -step);
            var move = next - weights;
            if (i % IterationsBetweenChecks == 0 && (gradient * move).Sum().ToDouble() > 0)
            {
                momentum = 1;
            }

            var following = (1 + Math.Sqrt(1 + (4 * momentum * momentum))) / 2;
            ahead.Copy_(next.AddScaled(move, (momentum - 1) / following));
            weights.Copy_(next);
            momentum = following;
        }

        return scope.Keep(weights);

        Tensor Gradient(Tensor at) => transposed.MatMul(Mean(design.MatMul(at), kind) - y) + (penalty * at);
    }

    /// <summary>What fitted weights predict.</summary>
    /// <param name="x">[N, D], floating: the features.</param>
    /// <param name="weights">[D + 1, C]: from <see cref="Fit"/>.</param>
    /// <param name="kind">Which loss they were fitted with.</param>
    /// <returns>[N, C]: class probabilities, label probabilities, or numbers.</returns>
    public static Tensor Predict(Tensor x, Tensor weights, TaskKind kind)
    {
        using var frozen = Autograd.NoGrad();
        using var scope = new TensorScope();
        return scope.Keep(Mean(WithIntercept(x).MatMul(weights), kind));
    }

    private static Tensor WithIntercept(Tensor x) => Tensor.Cat([x, Tensor.Ones([x.Size(0), 1], x.DType)], 1);

    private static Tensor Mean(Tensor logits, TaskKind kind) => kind switch
    {
        TaskKind.Classification => logits.Softmax(-1),
        TaskKind.Multilabel => logits.Sigmoid(),
        _ => logits,
    };

    /// <summary>The largest eigenvalue of XᵀX / N by power iteration, a little above the estimate to be safe.</summary>
    private static double LargestEigenvalue(Tensor design, Tensor transposed)
    {
        using var scope = new TensorScope();
        var direction = transposed.MatMul(design.Sum(1, keep: true)) + 1e-3;
        var value = 0.0;
        for (var i = 0; i < PowerIterations; i++)
        {
            direction /= direction.Norm().ToDouble();
            direction = transposed.MatMul(design.MatMul(direction));
            value = direction.Norm().ToDouble();
        }

        return 1.1 * value;
    }
}
