namespace Graft.Torch;

/// <content>Element by element.</content>
public sealed partial class Tensor
{
    private static readonly Op s_add = new("aten::add", "Tensor");
    private static readonly Op s_addNumber = new("aten::add", "Scalar");
    private static readonly Op s_sub = new("aten::sub", "Tensor");
    private static readonly Op s_subNumber = new("aten::sub", "Scalar");
    private static readonly Op s_rsubNumber = new("aten::rsub", "Scalar");
    private static readonly Op s_mul = new("aten::mul", "Tensor");
    private static readonly Op s_mulNumber = new("aten::mul", "Scalar");
    private static readonly Op s_div = new("aten::div", "Tensor");
    private static readonly Op s_divNumber = new("aten::div", "Scalar");
    private static readonly Op s_reciprocal = new("aten::reciprocal");
    private static readonly Op s_neg = new("aten::neg");
    private static readonly Op s_pow = new("aten::pow", "Tensor_Scalar");
    private static readonly Op s_powTensor = new("aten::pow", "Tensor_Tensor");
    private static readonly Op s_exp = new("aten::exp");
    private static readonly Op s_log = new("aten::log");
    private static readonly Op s_log1p = new("aten::log1p");
    private static readonly Op s_expm1 = new("aten::expm1");
    private static readonly Op s_sqrt = new("aten::sqrt");
    private static readonly Op s_rsqrt = new("aten::rsqrt");
    private static readonly Op s_square = new("aten::square");
    private static readonly Op s_tanh = new("aten::tanh");
    private static readonly Op s_sigmoid = new("aten::sigmoid");
    private static readonly Op s_logSigmoid = new("aten::log_sigmoid");
    private static readonly Op s_relu = new("aten::relu");
    private static readonly Op s_silu = new("aten::silu");
    private static readonly Op s_gelu = new("aten::gelu");
    private static readonly Op s_softplus = new("aten::softplus");
    private static readonly Op s_leakyRelu = new("aten::leaky_relu");
    private static readonly Op s_abs = new("aten::abs");
    private static readonly Op s_sign = new("aten::sign");
    private static readonly Op s_round = new("aten::round");
    private static readonly Op s_floor = new("aten::floor");
    private static readonly Op s_ceil = new("aten::ceil");
    private static readonly Op s_erf = new("aten::erf");
    private static readonly Op s_sin = new("aten::sin");
    private static readonly Op s_cos = new("aten::cos");
    private static readonly Op s_clamp = new("aten::clamp");
    private static readonly Op s_maximum = new("aten::maximum");
    private static readonly Op s_minimum = new("aten::minimum");
    private static readonly Op s_lerp = new("aten::lerp", "Scalar");

    /// <summary>this + other, element by element with broadcasting.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">[...], broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public static Tensor operator +(Tensor left, Tensor right) => s_add.Call(left, right);

    /// <summary>Adds a number to every element.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">The number.</param>
    /// <returns>[...].</returns>
    public static Tensor operator +(Tensor left, double right) => s_addNumber.Call(left, right);

    /// <inheritdoc cref="op_Addition(Tensor, double)"/>
    public static Tensor operator +(Tensor left, long right) => s_addNumber.Call(left, right);

    /// <inheritdoc cref="op_Addition(Tensor, double)"/>
    public static Tensor operator +(double left, Tensor right) => s_addNumber.Call(right, left);

    /// <inheritdoc cref="op_Addition(Tensor, double)"/>
    public static Tensor operator +(long left, Tensor right) => s_addNumber.Call(right, left);

    /// <summary>left - right, element by element with broadcasting.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">[...], broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public static Tensor operator -(Tensor left, Tensor right) => s_sub.Call(left, right);

    /// <summary>Subtracts a number from every element.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">The number.</param>
    /// <returns>[...].</returns>
    public static Tensor operator -(Tensor left, double right) => s_subNumber.Call(left, right);

    /// <inheritdoc cref="op_Subtraction(Tensor, double)"/>
    public static Tensor operator -(Tensor left, long right) => s_subNumber.Call(left, right);

    /// <summary>Subtracts every element from a number.</summary>
    /// <param name="left">The number.</param>
    /// <param name="right">[...].</param>
    /// <returns>[...].</returns>
    public static Tensor operator -(double left, Tensor right) => s_rsubNumber.Call(right, left);

    /// <inheritdoc cref="op_Subtraction(double, Tensor)"/>
    public static Tensor operator -(long left, Tensor right) => s_rsubNumber.Call(right, left);

    /// <summary>The negative of every element.</summary>
    /// <param name="value">[...].</param>
    /// <returns>[...].</returns>
    public static Tensor operator -(Tensor value) => s_neg.Call(value);

    /// <summary>left x right, element by element with broadcasting.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">[...], broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public static Tensor operator *(Tensor left, Tensor right) => s_mul.Call(left, right);

    /// <summary>Multiplies every element by a number.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">The number.</param>
    /// <returns>[...].</returns>
    public static Tensor operator *(Tensor left, double right) => s_mulNumber.Call(left, right);

    /// <inheritdoc cref="op_Multiply(Tensor, double)"/>
    public static Tensor operator *(Tensor left, long right) => s_mulNumber.Call(left, right);

    /// <inheritdoc cref="op_Multiply(Tensor, double)"/>
    public static Tensor operator *(double left, Tensor right) => s_mulNumber.Call(right, left);

    /// <inheritdoc cref="op_Multiply(Tensor, double)"/>
    public static Tensor operator *(long left, Tensor right) => s_mulNumber.Call(right, left);

    /// <summary>left / right, element by element with broadcasting; integers give real quotients.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">[...], broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public static Tensor operator /(Tensor left, Tensor right) => s_div.Call(left, right);

    /// <summary>Divides every element by a number; integers give real quotients.</summary>
    /// <param name="left">[...].</param>
    /// <param name="right">The number.</param>
    /// <returns>[...].</returns>
    public static Tensor operator /(Tensor left, double right) => s_divNumber.Call(left, right);

    /// <summary>Divides a number by every element.</summary>
    /// <param name="left">The number.</param>
    /// <param name="right">[...].</param>
    /// <returns>[...].</returns>
    public static Tensor operator /(double left, Tensor right)
    {
        using var scope = new TensorScope();
        return scope.Keep(s_mulNumber.Call(s_reciprocal.Call(right), left));
    }

    /// <summary>this + scale x other, element by element with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <param name="scale">The factor.</param>
    /// <returns>[broadcast].</returns>
    public Tensor AddScaled(Tensor other, double scale) => s_add.Call(this, other, scale);

    /// <summary>Every element to a power.</summary>
    /// <param name="exponent">The exponent.</param>
    /// <returns>[...].</returns>
    public Tensor Pow(double exponent) => s_pow.Call(this, exponent);

    /// <summary>Every element to a power of its own.</summary>
    /// <param name="exponent">[...], broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public Tensor Pow(Tensor exponent) => s_powTensor.Call(this, exponent);

    /// <summary>1 / x.</summary>
    /// <returns>[...].</returns>
    public Tensor Reciprocal() => s_reciprocal.Call(this);

    /// <summary>e to the power x.</summary>
    /// <returns>[...].</returns>
    public Tensor Exp() => s_exp.Call(this);

    /// <summary>The natural logarithm of x.</summary>
    /// <returns>[...].</returns>
    public Tensor Log() => s_log.Call(this);

    /// <summary>log(1 + x), exact near zero.</summary>
    /// <returns>[...].</returns>
    public Tensor Log1P() => s_log1p.Call(this);

    /// <summary>exp(x) - 1, exact near zero.</summary>
    /// <returns>[...].</returns>
    public Tensor ExpM1() => s_expm1.Call(this);

    /// <summary>The square root of x.</summary>
    /// <returns>[...].</returns>
    public Tensor Sqrt() => s_sqrt.Call(this);

    /// <summary>1 / sqrt(x).</summary>
    /// <returns>[...].</returns>
    public Tensor Rsqrt() => s_rsqrt.Call(this);

    /// <summary>x squared.</summary>
    /// <returns>[...].</returns>
    public Tensor Square() => s_square.Call(this);

    /// <summary>The hyperbolic tangent of x.</summary>
    /// <returns>[...].</returns>
    public Tensor Tanh() => s_tanh.Call(this);

    /// <summary>1 / (1 + exp(-x)).</summary>
    /// <returns>[...].</returns>
    public Tensor Sigmoid() => s_sigmoid.Call(this);

    /// <summary>log(1 / (1 + exp(-x))), stable.</summary>
    /// <returns>[...].</returns>
    public Tensor LogSigmoid() => s_logSigmoid.Call(this);

    /// <summary>max(x, 0).</summary>
    /// <returns>[...].</returns>
    public Tensor Relu() => s_relu.Call(this);

    /// <summary>x sigmoid(x).</summary>
    /// <returns>[...].</returns>
    public Tensor Silu() => s_silu.Call(this);

    /// <summary>x times the normal distribution function of x.</summary>
    /// <param name="tanh">Whether to use the approximation by a hyperbolic tangent.</param>
    /// <returns>[...].</returns>
    public Tensor Gelu(bool tanh = false) => tanh ? s_gelu.Call(this, "tanh") : s_gelu.Call(this);

    /// <summary>log(1 + exp(x)), stable.</summary>
    /// <returns>[...].</returns>
    public Tensor Softplus() => s_softplus.Call(this);

    /// <summary>x where positive, else slope times x.</summary>
    /// <param name="slope">The slope below zero.</param>
    /// <returns>[...].</returns>
    public Tensor LeakyRelu(double slope = 0.01) => s_leakyRelu.Call(this, slope);

    /// <summary>|x|.</summary>
    /// <returns>[...].</returns>
    public Tensor Abs() => s_abs.Call(this);

    /// <summary>-1, 0 or 1.</summary>
    /// <returns>[...].</returns>
    public Tensor Sign() => s_sign.Call(this);

    /// <summary>The nearest integer, halves to even.</summary>
    /// <returns>[...].</returns>
    public Tensor Round() => s_round.Call(this);

    /// <summary>The largest integer not above x.</summary>
    /// <returns>[...].</returns>
    public Tensor Floor() => s_floor.Call(this);

    /// <summary>The smallest integer not below x.</summary>
    /// <returns>[...].</returns>
    public Tensor Ceiling() => s_ceil.Call(this);

    /// <summary>The error function of x.</summary>
    /// <returns>[...].</returns>
    public Tensor Erf() => s_erf.Call(this);

    /// <summary>The sine of x.</summary>
    /// <returns>[...].</returns>
    public Tensor Sin() => s_sin.Call(this);

    /// <summary>The cosine of x.</summary>
    /// <returns>[...].</returns>
    public Tensor Cos() => s_cos.Call(this);

    /// <summary>x, moved into [low, high].</summary>
    /// <param name="low">The lower bound; null for none.</param>
    /// <param name="high">The upper bound; null for none.</param>
    /// <returns>[...].</returns>
    public Tensor Clamp(double? low = null, double? high = null) =>
        s_clamp.Call(this, low is { } a ? a : Arg.None, high is { } b ? b : Arg.None);

    /// <summary>The larger of two elements, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public Tensor Maximum(Tensor other) => s_maximum.Call(this, other);

    /// <summary>The smaller of two elements, with broadcasting.</summary>
    /// <param name="other">[...], broadcastable.</param>
    /// <returns>[broadcast].</returns>
    public Tensor Minimum(Tensor other) => s_minimum.Call(this, other);

    /// <summary>this + weight (end - this).</summary>
    /// <param name="end">[...], broadcastable.</param>
    /// <param name="weight">The share of the end.</param>
    /// <returns>[broadcast].</returns>
    public Tensor Lerp(Tensor end, double weight) => s_lerp.Call(this, end, weight);
}
