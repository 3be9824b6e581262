using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Foreign;

/// <summary>Packages of any method on tiny backbones, and what has to be the same after a way through another format.</summary>
internal static class ForeignPackages
{
    /// <summary>Saves a package whose parameters are away from their start, so that every part acts.</summary>
    public static AdapterPackage Save(string folder, Backbone backbone, string method, string settings = "{}", PooledHeadConfig? head = null)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var rng = new Rng(3, Device.Cpu);
        head ??= new PooledHeadConfig(TaskKind.Classification, 3);
        var task = TinyModels.Task(head.Kind);
        var peft = PeftMethods.Get(method);
        var adapter = peft.Attach(backbone, task.Name, peft.ReadConfig(JsonNode.Parse(settings)!.AsObject(), "the test"), rng);
        var module = new PooledHead(head, backbone.Config.HiddenSize, rng);
        foreach (var parameter in adapter.Parameters().Concat(module.Parameters()))
        {
            parameter.Value.Add_(rng.Normal(parameter.Value.Shape, 0, 0.3).To(parameter.Value.DType));
        }

        using var model = new TaskModel(task, backbone, adapter, module, 24);
        return TaskModelPackage.Save(model, folder, "hf:acme/tiny@v1", new JsonObject { ["settings"] = new JsonObject { ["seed"] = 3 }, ["best_step"] = 7 });
    }

    /// <summary>Takes an adapter from one format into another.</summary>
    public static void Convert(string from, string to, string format, Backbone backbone)
    {
        var source = Graft.Formats.Foreign.Detection.AdapterFolders.Find(from);
        using var adapter = source.Format.Read(source.Folder, backbone);
        AdapterFormats.Get(format).Save(to, adapter, backbone);
    }

    /// <summary>The three files of two packages have the same bytes.</summary>
    public static void AssertSame(string package, string other)
    {
        foreach (var name in new[] { AdapterPackage.AdapterName, AdapterPackage.HeadName, AdapterPackage.ManifestName })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(package, name)), File.ReadAllBytes(Path.Combine(other, name)));
        }
    }

    /// <summary>The hidden states of an adapter, with padding.</summary>
    public static float[] Hidden(ForeignAdapter adapter, Backbone backbone)
    {
        using var scope = new TensorScope();
        using var frozen = Autograd.NoGrad();
        using var module = PackageFormat.Attach(adapter, backbone);
        var batch = TinyBackbones.Whole(backbone, TinyBackbones.Batch(5, 9, 4, 12));
        return TinyBackbones.States(new AdaptedModel(backbone).Forward(batch, module).Output).ToArray<float>();
    }

    /// <summary>Writes a folder of HF PEFT with seeded numbers.</summary>
    public static void WritePeft(string folder, string config, params (string Key, long[] Shape)[] tensors)
    {
        Directory.CreateDirectory(folder);
        using var scope = new TensorScope();
        using var rng = new Rng(11, Device.Cpu);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), config);
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), [.. tensors.Select(t => SafetensorsEntry.From(t.Key, rng.Normal(t.Shape, 0, 0.3)))]);
    }

    /// <summary>The keys of a LoRA of queries and values on the tiny BERT without a head.</summary>
    public static IEnumerable<(string Key, long[] Shape)> LoraKeys(int rank, int layers = 2, int width = 16, string prefix = "") =>
        from layer in Enumerable.Range(0, layers)
        from module in new[] { "query", "value" }
        from matrix in new[] { (Name: "lora_A", Shape: new long[] { rank, width }), (Name: "lora_B", Shape: [width, rank]) }
        select ($"base_model.model.{prefix}encoder.layer.{layer}.attention.self.{module}.{matrix.Name}.weight", matrix.Shape);
}
