using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Graft.Bench.Methods;
using Graft.Torch;

// Step times of every method on the default backbone: Graft.Bench.Methods TASK.task.json [ROUNDS] > steps.json
// In each round every method does one training step on the same 16 rows, so that a disturbance of the machine meets all of them alike.
if (args.Length == 0)
{
    Console.Error.WriteLine("usage: Graft.Bench.Methods TASK.task.json [ROUNDS]; train.py makes task files in OUT/data");
    return 2;
}

TorchRuntime.Threads = 1;
var rounds = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 30;
JsonObject result = AlternatedSteps.Measure(args[0], rounds);
Console.WriteLine(result.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
return 0;
