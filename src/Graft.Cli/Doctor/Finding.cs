namespace Graft.Cli.Doctor;

/// <summary>How serious a finding is.</summary>
internal enum Health
{
    /// <summary>As it should be.</summary>
    Good,

    /// <summary>Graft works, but slower or with less than it could have.</summary>
    Fair,

    /// <summary>Graft cannot work until this is put right.</summary>
    Bad,
}

/// <summary>One thing that the doctor looked at.</summary>
/// <param name="Subject">What was looked at, in a word or two.</param>
/// <param name="Health">How it is.</param>
/// <param name="Value">What was found.</param>
/// <param name="Remedy">What to do, when it is not good.</param>
internal sealed record Finding(string Subject, Health Health, string Value, string Remedy = "");
