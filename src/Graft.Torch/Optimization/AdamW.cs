namespace Graft.Torch;

/// <summary>Where AdamW's two published implementations differ.</summary>
public enum AdamWVariant
{
    /// <summary>torch.optim.AdamW: decays before the step, and adds eps to the corrected root.</summary>
    Torch,

    /// <summary>Hugging Face's own AdamW of the years up to 2023: decays after the step, and adds eps to the bare root.</summary>
    HuggingFace,
}

/// <summary>Adam with decoupled weight decay, in the order of arithmetic of torch's foreach implementation.</summary>
/// <remarks>
/// w ← w (1 - lr d); m ← b1 m + (1 - b1) g; v ← b2 v + (1 - b2) g²; w ← w - lr / (1 - b1ᵗ) m / (sqrt(v) / sqrt(1 - b2ᵗ) + eps),
/// each line an operator over all parameters of a group; <see cref="AdamWVariant.HuggingFace"/> instead ends with
/// w ← w - lr sqrt(1 - b2ᵗ) / (1 - b1ᵗ) m / (sqrt(v) + eps); w ← w - lr d w.
/// A parameter without gradient is left alone, its own count t too. One thread. Make it after the module is on its device.
/// </remarks>
public sealed class AdamW : IDisposable
{
    private const string StepsKey = "steps";

    private static readonly Op s_mul = new("aten::_foreach_mul_", "Scalar");
    private static readonly Op s_add = new("aten::_foreach_add_", "List");
    private static readonly Op s_addNumber = new("aten::_foreach_add_", "Scalar");
    private static readonly Op s_addProduct = new("aten::_foreach_addcmul_", "Scalar");
    private static readonly Op s_sqrt = new("aten::_foreach_sqrt");
    private static readonly Op s_divide = new("aten::_foreach_div_", "ScalarList");
    private static readonly Op s_addQuotient = new("aten::_foreach_addcdiv_", "ScalarList");

    private readonly List<GroupState> _groups = [];
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;
    private readonly AdamWVariant _variant;

    /// <summary>An optimizer without history.</summary>
    /// <param name="groups">The groups; a parameter belongs to one of them.</param>
    /// <param name="beta1">How much of the mean gradient a step keeps.</param>
    /// <param name="beta2">How much of the mean squared gradient a step keeps.</param>
    /// <param name="eps">What is added to the root, so that nothing is divided by zero.</param>
    /// <param name="variant">Which of the two published orders of arithmetic.</param>
    /// <exception cref="ArgumentException">Two groups share a name or a parameter.</exception>
    public AdamW(
        IReadOnlyList<ParameterGroup> groups, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, AdamWVariant variant = AdamWVariant.Torch)
    {
        ArgumentNullException.ThrowIfNull(groups);
        _beta1 = beta1;
        _beta2 = beta2;
        _eps = eps;
        _variant = variant;
        foreach (var group in groups) AddGroup(group);
    }

    /// <summary>The groups, in the order in which they were added.</summary>
    public IReadOnlyList<ParameterGroup> Groups => [.. _groups.Select(state => state.Group)];

    /// <summary>Adds parameters to what is stepped.</summary>
    /// <param name="group">The group.</param>
    /// <exception cref="ArgumentException">Its name is taken, or one of its parameters belongs to another group.</exception>
    public void AddGroup(ParameterGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        foreach (var state in _groups)
        {
            var other = state.Group;
            if (other.Name == group.Name) throw new ArgumentException($"The optimizer has a group '{group.Name}'.", nameof(group));
            if (other.Parameters.Intersect(group.Parameters).Any())
            {
                throw new ArgumentException($"The groups '{other.Name}' and '{group.Name}' share a parameter.", nameof(group));
            }
        }

        _groups.Add(new GroupState(group));
    }

    /// <summary>Changes every parameter that has a gradient.</summary>
    public void Step()
    {
        using var quiet = Autograd.NoGrad();
        foreach (var group in _groups) Step(group);
    }

    /// <summary>Drops all gradients.</summary>
    public void ZeroGrad()
    {
        foreach (var state in _groups)
        {
            foreach (var parameter in state.Group.Parameters) parameter.Value.Grad = null;
        }
    }

    /// <summary>The history by name: <c>GROUP.N.mean</c> and <c>GROUP.N.square</c> for parameters stepped so far, <c>GROUP.steps</c> the counts.</summary>
    /// <returns>The tensors; the counts are fresh, the others the optimizer's own, borrowed until its next step.</returns>
    public IReadOnlyList<(string Name, Tensor Value)> SaveState()
    {
        var saved = new List<(string, Tensor)>();
        foreach (var state in _groups)
        {
            saved.Add(($"{state.Group.Name}.{StepsKey}", Tensor.From(state.Steps)));
            for (var i = 0; i < state.Steps.Length; i++)
            {
                if (state.Means[i] is not { } mean || state.Squares[i] is not { } square) continue;
                saved.Add(($"{state.Group.Name}.{i}.mean", mean));
                saved.Add(($"{state.Group.Name}.{i}.square", square));
            }
        }

        return saved;
    }

    /// <summary>Replaces the history by one that <see cref="SaveState"/> gave for the same groups.</summary>
    /// <param name="load">Gives a tensor by name, borrowed; null when there is none.</param>
    /// <exception cref="GraftException">A tensor is missing or misshapen.</exception>
    public void LoadState(Func<string, Tensor?> load)
    {
        ArgumentNullException.ThrowIfNull(load);
        using var quiet = Autograd.NoGrad();
        using var scope = new TensorScope();
        foreach (var state in _groups)
        {
            var name = state.Group.Name;
            var steps = Need(load, $"{name}.{StepsKey}", [state.Steps.Length]).ToArray<long>();
            for (var i = 0; i < steps.Length; i++)
            {
                state.Drop(i);
                state.Steps[i] = steps[i];
                if (steps[i] == 0) continue;
                var value = state.Group.Parameters[i].Value;
                state.Begin(i);
                state.Means[i]!.Copy_(Need(load, $"{name}.{i}.mean", value.Shape));
                state.Squares[i]!.Copy_(Need(load, $"{name}.{i}.square", value.Shape));
            }
        }
    }

    /// <summary>Frees the history; the parameters stay.</summary>
    public void Dispose()
    {
        foreach (var state in _groups)
        {
            for (var i = 0; i < state.Steps.Length; i++) state.Drop(i);
        }
    }

    private static Tensor Need(Func<string, Tensor?> load, string name, ReadOnlySpan<long> shape)
    {
        var tensor = load(name) ?? throw new GraftException($"The optimizer's state lacks '{name}'; it was saved by a run with other settings.");
        return tensor.Shape.SequenceEqual(shape)
            ? tensor
            : throw new GraftException($"The optimizer's state '{name}' is {tensor} where [{string.Join(", ", shape.ToArray())}] was expected; it was saved by a run with other settings.");
    }

    private void Step(GroupState state)
    {
        using var scope = new TensorScope();
        var capacity = state.Steps.Length;
        var values = new List<Tensor>(capacity);
        var grads = new List<Tensor>(capacity);
        var means = new List<Tensor>(capacity);
        var squares = new List<Tensor>(capacity);
        var corrections = new List<(double Mean, double Root)>(capacity);
        for (var i = 0; i < capacity; i++)
        {
            var value = state.Group.Parameters[i].Value;
            if (value.Grad is not { } grad) continue;
            if (state.Means[i] is null) state.Begin(i);
            var step = ++state.Steps[i];
            values.Add(value);
            grads.Add(grad);
            means.Add(state.Means[i]!);
            squares.Add(state.Squares[i]!);
            corrections.Add((1 - Math.Pow(_beta1, step), Math.Sqrt(1 - Math.Pow(_beta2, step))));
        }

        if (values.Count == 0) return;
        var rate = state.Group.LearningRate;
        var decay = rate * state.Group.WeightDecay;
        var weights = Arg.Tensors(values);
        if (_variant == AdamWVariant.Torch) s_mul.Run(weights, 1 - decay);
        UpdateMoments(Arg.Tensors(grads), Arg.Tensors(means), Arg.Tensors(squares));
        var divisor = Arg.Tensors(s_sqrt.CallMany(Arg.Tensors(squares))!);
        double[] sizes;
        if (_variant == AdamWVariant.Torch)
        {
            s_divide.Run(divisor, corrections.ConvertAll(c => c.Root).ToArray());
            sizes = corrections.ConvertAll(c => -(rate / c.Mean)).ToArray();
        }
        else
        {
            sizes = corrections.ConvertAll(c => -(rate * c.Root / c.Mean)).ToArray();
        }

        s_addNumber.Run(divisor, _eps);
        s_addQuotient.Run(weights, Arg.Tensors(means), divisor, sizes);
        if (_variant == AdamWVariant.HuggingFace && decay > 0) s_add.Run(weights, weights, -decay);
    }

    private void UpdateMoments(Arg grads, Arg means, Arg squares)
    {
        s_mul.Run(means, _beta1);
        s_add.Run(means, grads, 1 - _beta1);
        s_mul.Run(squares, _beta2);
        s_addProduct.Run(squares, grads, grads, 1 - _beta2);
    }

    /// <summary>A group and the history of each of its parameters.</summary>
    private sealed class GroupState(ParameterGroup group)
    {
        internal ParameterGroup Group { get; } = group;

        internal long[] Steps { get; } = new long[group.Parameters.Count];

        internal Tensor?[] Means { get; } = new Tensor?[group.Parameters.Count];

        internal Tensor?[] Squares { get; } = new Tensor?[group.Parameters.Count];

        internal void Begin(int i)
        {
            var value = Group.Parameters[i].Value;
            Means[i] = value.ZerosLike().Unscoped();
            Squares[i] = value.ZerosLike().Unscoped();
        }

        internal void Drop(int i)
        {
            Means[i]?.Dispose();
            Squares[i]?.Dispose();
            Means[i] = null;
            Squares[i] = null;
            Steps[i] = 0;
        }
    }
}
