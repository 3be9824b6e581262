namespace Graft;

/// <summary>Numbers as people read them, the same in every report and on every screen. Stateless and thread-safe.</summary>
public static class Amounts
{
    /// <summary>Bytes in the unit that leaves one to four digits: <c>812 B</c>, <c>41.3 kB</c>, <c>90.3 MB</c> (powers of ten, as on disk).</summary>
    /// <param name="bytes">The bytes, at least 0.</param>
    public static string Bytes(long bytes) => bytes switch
    {
        < 1000 => $"{bytes} B",
        < 1_000_000 => $"{bytes / 1e3:0.0} kB",
        < 1_000_000_000 => $"{bytes / 1e6:0.0} MB",
        _ => $"{bytes / 1e9:0.0} GB",
    };

    /// <summary>A whole number in groups of three: <c>74,498</c>.</summary>
    /// <param name="count">The number.</param>
    public static string Count(long count) => count.ToString("N0");

    /// <summary>A duration that counts down, in whole seconds: <c>0:04</c>, <c>1:02:00</c>.</summary>
    /// <param name="seconds">The time in seconds, at least 0.</param>
    public static string Clock(double seconds) =>
        TimeSpan.FromSeconds(Math.Ceiling(seconds)).ToString(seconds < 3600 ? @"m\:ss" : @"h\:mm\:ss");

    /// <summary>A duration: <c>9.4 s</c>, <c>1:05</c>, <c>2:03:04</c>.</summary>
    /// <param name="seconds">The time in seconds, at least 0.</param>
    public static string Duration(double seconds) => seconds switch
    {
        < 60 => $"{seconds:0.0} s",
        < 3600 => TimeSpan.FromSeconds(seconds).ToString(@"m\:ss"),
        _ => TimeSpan.FromSeconds(seconds).ToString(@"h\:mm\:ss"),
    };
}
