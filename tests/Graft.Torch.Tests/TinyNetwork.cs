namespace Graft.Torch.Tests;

/// <summary>Two linear maps with dropout between, and a buffer.</summary>
internal sealed class TinyNetwork : Module
{
    private readonly Parameter _first;
    private readonly ModuleBuffer _shift;
    private readonly Top _top;

    internal TinyNetwork()
    {
        using var rng = new Rng(1);
        _first = AddParameter("first.weight", rng.Normal([6, 4], 0, 0.5));
        AddParameter("frozen", Tensor.Ones([3]), trainable: false);
        _shift = AddBuffer("shift", Tensor.Full([6], 0.1));
        _top = AddChild("top", new Top(rng));
    }

    internal Parameter First => _first;

    internal Tensor Forward(Tensor x, Rng rng) => _top.Forward(F.Dropout(F.Linear(x, _first, _shift).Relu(), 0.1, rng));

    internal Parameter Again(string key) => AddParameter(key, Tensor.Ones([1]));

    private sealed class Top : Module
    {
        private readonly Parameter _weight;
        private readonly Parameter _bias;

        internal Top(Rng rng)
        {
            _weight = AddParameter("weight", rng.Normal([2, 6], 0, 0.5));
            _bias = AddParameter("bias", Tensor.Zeros([2]));
        }

        internal Tensor Forward(Tensor x) => F.Linear(x, _weight, _bias);
    }
}
