using System.Runtime.CompilerServices;
using Graft.Backbones.Sites;

namespace Graft.Methods.Core;

/// <summary>Checks values of settings, in constructors and <c>with</c> expressions alike.</summary>
public static class Require
{
    /// <summary>Requires a number of at least 1.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is smaller.</exception>
    public static int Positive(int value, [CallerArgumentExpression(nameof(value))] string name = "") => value > 0
        ? value
        : throw new ArgumentException($"{Snake(name)} is {value}, expected a whole number of at least 1", name);

    /// <summary>Requires a number of at least 0.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is smaller.</exception>
    public static int NotNegative(int value, [CallerArgumentExpression(nameof(value))] string name = "") => value >= 0
        ? value
        : throw new ArgumentException($"{Snake(name)} is {value}, expected a whole number from 0 on", name);

    /// <summary>Requires one of some names.</summary>
    /// <param name="value">The value.</param>
    /// <param name="names">The names.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is none of them.</exception>
    public static string OneOf(string value, IEnumerable<string> names, [CallerArgumentExpression(nameof(value))] string name = "") =>
        names.Contains(value, StringComparer.Ordinal)
            ? value
            : throw new ArgumentException($"{Snake(name)} is '{value}', expected one of {string.Join(", ", names)}", name);

    /// <summary>Requires a finite number above 0.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static double Positive(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value > 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentException($"{Snake(name)} is {value}, expected a number above 0", name);

    /// <summary>Requires a finite number of at least 0.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static double NotNegative(double value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        value >= 0 && double.IsFinite(value)
            ? value
            : throw new ArgumentException($"{Snake(name)} is {value}, expected a number of at least 0", name);

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

    /// <summary>Requires whole numbers of at least 1.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">One is not.</exception>
    public static PathNumbers Ranks(PathNumbers value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Each(value, n => n >= 1 && n <= int.MaxValue && n == Math.Floor(n), "whole numbers of at least 1", name);

    /// <summary>Requires numbers above 0.</summary>
    /// <param name="value">The value.</param>
    /// <param name="name">The setting's name.</param>
    /// <exception cref="ArgumentException">One is not.</exception>
    public static PathNumbers Positive(PathNumbers value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Each(value, n => n > 0, "numbers above 0", name);

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
