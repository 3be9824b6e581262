using System.Runtime.CompilerServices;
using Graft.Backbones.Sites;

namespace Graft.Methods.Core;

/// <summary>Checks values of settings, in constructors and <c>with</c> expressions alike.</summary>
public static class Require
{
    /// <summary>The largest whole number of a setting: no rank, length or width of use is larger, and products of two fit their type.</summary>
    public const int Largest = 1 << 20;

    /// <summary>The largest number of a setting: what it multiplies stays finite in float32.</summary>
    public const double LargestNumber = 1e9;

    /// <summary>Requires a number from 1 to <see cref="Largest"/>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is outside.</exception>
    public static int Positive(int value, [CallerArgumentExpression(nameof(value))] string name = "") => value is > 0 and <= Largest
        ? value
        : throw new ArgumentException($"{Snake(name)} is {value}, expected a whole number from 1 to {Largest}", name);

    /// <summary>Requires a number from 0 to <see cref="Largest"/>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is outside.</exception>
    public static int NotNegative(int value, [CallerArgumentExpression(nameof(value))] string name = "") => value is >= 0 and <= Largest
        ? value
        : throw new ArgumentException($"{Snake(name)} is {value}, expected a whole number from 0 to {Largest}", name);

    /// <summary>Requires one of some names.</summary>
    /// <param name="value">The value.</param>
    /// <param name="names">The names.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is none of them.</exception>
    public static string OneOf(string value, IEnumerable<string> names, [CallerArgumentExpression(nameof(value))] string name = "") =>
        names.Contains(value, StringComparer.Ordinal)
            ? value
            : throw new ArgumentException($"{Snake(name)} is '{value}', expected one of {string.Join(", ", names)}", name);

    /// <summary>Requires a number above 0 and up to <see cref="LargestNumber"/>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is outside.</exception>
    public static double Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value is > 0 and <= LargestNumber
            ? value
            : throw new ArgumentException($"{Snake(name)} is {value}, expected a number above 0 and up to {LargestNumber}", name);

    /// <summary>Requires a number from 0 to <see cref="LargestNumber"/>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is outside.</exception>
    public static double NotNegative(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value is >= 0 and <= LargestNumber
            ? value
            : throw new ArgumentException($"{Snake(name)} is {value}, expected a number from 0 to {LargestNumber}", name);

    /// <summary>Requires a probability in [0, 1).</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is outside.</exception>
    public static double Probability(double value, [CallerArgumentExpression(nameof(value))] string name = "") => value is >= 0 and < 1
        ? value
        : throw new ArgumentException($"{Snake(name)} is {value}, expected a probability in [0, 1)", name);

    /// <summary>Requires at least one of the roles that make sense.</summary>
    /// <param name="value">The value.</param>
    /// <param name="allowed">Every role that makes sense here.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is none or has other roles.</exception>
    public static SiteRole Roles(SiteRole value, SiteRole allowed, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value != SiteRole.None && (value & ~allowed) == 0
            ? value
            : throw new ArgumentException($"{Snake(name)} is '{SiteRoleJson.Text(value)}', expected one or more of {SiteRoleJson.Text(allowed)}", name);

    /// <summary>Requires roles of linear maps, optionally narrowed by sublayers.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It names no role.</exception>
    public static SiteRole Linear(SiteRole value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Roles(value, SiteRole.AllLinear | SiteRole.AllSublayers, name);

    /// <summary>Requires whole numbers from 1 to <see cref="Largest"/>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">One is not.</exception>
    public static PathNumbers Ranks(PathNumbers value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Each(value, n => n is >= 1 and <= Largest && n == Math.Floor(n), $"whole numbers from 1 to {Largest}", name);

    /// <summary>Requires numbers above 0 and up to <see cref="LargestNumber"/>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">One is not.</exception>
    public static PathNumbers Positive(PathNumbers value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Each(value, n => n is > 0 and <= LargestNumber, $"numbers above 0 and up to {LargestNumber}", name);

    private static PathNumbers Each(PathNumbers value, Func<double, bool> good, string expected, string name)
    {
        foreach (var (key, number) in value.Pairs)
        {
            if (!good(number))
            {
                throw new ArgumentException($"{Snake(name)} has {number} at '{key}', expected {expected}", name);
            }
        }

        return value;
    }

    private static string Snake(string name) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
}
