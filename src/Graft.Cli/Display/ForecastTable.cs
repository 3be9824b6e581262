using Graft.Recipes;

namespace Graft.Cli.Display;

/// <summary>What <c>graft compare --dry-run</c> shows: the runs by task and size, what each method costs, and the time it will take.</summary>
internal static class ForecastTable
{
    /// <summary>Writes it to standard output.</summary>
    public static void Write(Terminal terminal, CompareForecast forecast)
    {
        var groups = new TextTable("task", Number("size"), Number("rows"), Number("steps"), Number("runs"), Number("finished"));
        foreach (GroupForecast group in forecast.Groups)
        {
            groups.Add(
                group.Task, group.Size is { } size ? Amounts.Count(size) : "all", Amounts.Count(group.TrainRows), Amounts.Count(group.Steps), $"{group.Planned}", $"{group.Finished}");
        }

        groups.Write(terminal.Data);
        terminal.Out.WriteLine();
        var methods = new TextTable("method", Number("trained"), Number("stored"), Number("package"), Number("step"), Number("runs"), Number("finished"), Number("time left"));
        foreach (MethodForecast method in forecast.Methods)
        {
            methods.Add(
                method.Tasks > 1 ? $"{method.Method} ({method.Tasks} tasks)" : method.Method, Amounts.Count(method.Trained), Amounts.Count(method.Stored), Amounts.Bytes(method.PackageBytes),
                method.StepSeconds is { } step ? $"{1000 * step:0} ms" : "", $"{method.Planned}", $"{method.Finished}",
                method.SecondsLeft is { } left ? Amounts.Duration(left) : "not known");
        }

        methods.Write(terminal.Data);
        terminal.Out.WriteLine();
        string time = forecast.SecondsLeft is { } seconds ? $"about {Amounts.Duration(seconds)} in one process" : "for a time that could not be measured";
        int open = forecast.Planned - forecast.Finished;
        terminal.Out.WriteLine(open == 0
            ? $"All {forecast.Planned} runs are finished in {forecast.Folder}"
            : $"{open} of {forecast.Planned} runs are left, {time}: {forecast.Folder}");
    }

    private static Column Number(string heading) => new(heading, Right: true);
}
