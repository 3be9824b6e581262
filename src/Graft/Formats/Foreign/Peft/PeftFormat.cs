using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Graft.Backbones;
using Graft.Formats.Foreign.Detection;
using Graft.Formats.Packages;
using Graft.Methods.Core;
using Graft.Torch;

namespace Graft.Formats.Foreign.Peft;

/// <summary>
/// Folders of HF PEFT: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>. A head that is one of a Hugging Face class is written
/// as such (<c>SEQ_CLS</c>); any other head is kept beside the adapter for Graft alone, and the adapter is written for feature extraction, so
/// that no other library computes something else from it.
/// </summary>
public sealed class PeftFormat : AdapterFormat
{
    private const string WeightsName = "adapter_model.safetensors";
    private const string PickleName = "adapter_model.bin";
    private const string SequenceClassification = "SEQ_CLS";
    private const string Questions = "QUESTION_ANS";

    // Heads of these task types are the model's own, not the adapter's.
    private static readonly string?[] s_headless = [null, "FEATURE_EXTRACTION", "CAUSAL_LM", "SEQ_2_SEQ_LM"];

    /// <inheritdoc/>
    public override string Name => "peft";

    /// <inheritdoc/>
    public override string Summary => "a folder of HF PEFT";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Entries => [AdapterConfigFile.Name, WeightsName, "README.md", KeptAdapter.FileName, KeptAdapter.HeadName];

    /// <inheritdoc/>
    public override bool Recognizes(string folder) => AdapterConfigFile.Keys(folder).Contains("peft_type", StringComparer.Ordinal);

    /// <inheritdoc/>
    public override string? BaseModel(string folder) => KeptAdapter.Read(folder).Kept?.BaseModel ?? ModelNames.ToGraft(
        PeftConfigFile.Load(folder).Fields.TextOrNull("base_model_name_or_path"), PeftConfigFile.Load(folder).Fields.TextOrNull("revision"));

    /// <inheritdoc/>
    public override ForeignAdapter Read(string folder, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        var config = PeftConfigFile.Load(folder);
        var mapping = PeftMapping.For(config);
        config.Check(mapping.Fields);
        using var file = SafetensorsFile.Open(AdapterConfigFile.Weights(folder, WeightsName, PickleName));
        var modules = PeftModules.Of(backbone, file.Keys);
        var (kept, note) = KeptAdapter.Read(folder, backbone);
        if (kept is not null && !mapping.Methods.Contains(kept.Method, StringComparer.Ordinal))
        {
            throw new GraftException(
                $"'{folder}' has the method {kept.Method} in {KeptAdapter.FileName}, which is not written as {mapping.PeftType}; delete that file to read the folder as HF PEFT's alone.");
        }

        var (methodName, settings) = kept is null ? mapping.Read(config, modules, file) : (kept.Method, kept.Config);
        var form = HeadOf(config, mapping, modules, file, kept);
        var method = PeftMethods.Get(methodName);
        var parsed = method.ReadConfig(settings, config.Path);
        CheckSize(config, method.CountParameters(parsed, backbone.Sites), file);
        using var rng = new Rng(0, Device.Cpu);
        using var adapter = method.Attach(backbone, "default", parsed, rng);
        settings = method.WriteConfig(parsed);
        var outputs = form?.Outputs(mapping.HeadRoot, file) ?? 0;
        var (weights, head, keys) = ForeignWeights.Read(
            file, [.. mapping.Tensors(LayoutOf(methodName, settings, adapter, modules, file, config))], form?.Tensors(mapping.HeadRoot, outputs, backbone.Config.HiddenSize) ?? [],
            $"{AdapterConfigFile.Name} and this {backbone.Config.ModelType} backbone of {backbone.Config.Layers} layers of width {backbone.Config.HiddenSize}");
        var name = kept?.Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)));
        return new ForeignAdapter(methodName, settings, weights)
        {
            Name = name,
            Head = kept is { HasHeadWeights: true } ? new ForeignHead(kept.Task!, kept.HeadSettings!, KeptAdapter.ReadHead(folder))
                : form is null ? null
                : new ForeignHead(kept?.Task ?? form.Task(name, outputs), kept?.HeadSettings ?? form.Settings(), head),
            BaseModel = BaseModel(folder),
            Fingerprint = kept?.Fingerprint,
            MaxTokens = kept?.MaxTokens ?? Math.Min(ForeignAdapter.UsualMaxTokens, backbone.Config.MaxTokens),
            Training = kept?.Training ?? [],
            UnknownFields = config.Unknown(mapping.Fields),
            Origin = Name,
            Keys = keys,
            Notes = [.. new[] { note, kept is null && form is { IsSpan: false } ? LabelNote(form, outputs) : null }.OfType<string>(), .. config.Notes],
        };
    }

    /// <inheritdoc/>
    protected override void Write(string folder, ForeignAdapter adapter, Backbone backbone)
    {
        ArgumentNullException.ThrowIfNull(adapter);
        ArgumentNullException.ThrowIfNull(backbone);
        var mapping = PeftMapping.For(adapter.Method);
        var form = FormFor(adapter, mapping, backbone);
        var modules = new PeftModules(backbone, form is null ? "" : Architectures.PrefixOf(backbone.Config.ModelType));
        using var module = PackageFormat.Attach(adapter, backbone);
        var layout = LayoutOf(adapter.Method, module.Method.WriteConfig(module.Config), module, modules, null, null);
        var fields = mapping.Write(layout);
        var (source, revision) = ModelNames.FromGraft(adapter.BaseModel);
        fields["peft_type"] = mapping.PeftType;
        fields["task_type"] = form is not null ? form.IsSpan ? Questions : SequenceClassification
            : (string?)adapter.Head?.Settings["type"] == "text" ? "SEQ_2_SEQ_LM" : "FEATURE_EXTRACTION";
        fields["base_model_name_or_path"] = source;
        fields["revision"] = revision;
        if (form is not null && mapping.NamesSavedModules)
        {
            fields["modules_to_save"] = new JsonArray([.. form.Saved.Select(s => (JsonNode?)s)]);
        }

        PeftConfigFile.Write(folder, mapping.Fields, fields, adapter.Origin == Name ? adapter.UnknownFields : []);
        var tensors = mapping.Tensors(layout).Select(t => (t, adapter.Weights));
        var outputs = form is null ? 0 : adapter.Head!.Weights["weight"].Size(0);
        ForeignWeights.Write(
            Path.Combine(folder, WeightsName),
            tensors.Concat(form?.Tensors(mapping.HeadRoot, outputs, backbone.Config.HiddenSize).Select(t => (t, adapter.Head!.Weights)) ?? []));
        KeptAdapter.Write(folder, adapter, keepHead: form is null, AdapterConfigFile.Name, WeightsName);
    }

    private static PeftHead? FormFor(ForeignAdapter adapter, PeftMapping mapping, Backbone backbone)
    {
        var form = adapter.Head is { } head && mapping.RefusesHead is null ? PeftHead.For(head, backbone) : null;
        return form is null || mapping.NamesSavedModules || form.SavesClassifierAlone ? form : null;
    }

    private static PeftLayout LayoutOf(string method, JsonObject settings, Adapter adapter, PeftModules modules, SafetensorsFile? file, PeftConfigFile? config) => new(
        method, settings, PackageWeights.State(adapter).ToDictionary(s => s.Key, s => s.Value.Shape.ToArray(), StringComparer.Ordinal), adapter, modules, file, config);

    private static PeftHead? HeadOf(PeftConfigFile config, PeftMapping mapping, PeftModules modules, SafetensorsFile file, KeptAdapter? kept)
    {
        var form = PeftHead.Of(modules.Backbone, modules.Prefix, mapping.HeadRoot, file);
        var task = config.TaskType;
        if (task is not (SequenceClassification or Questions) && !s_headless.Contains(task, StringComparer.Ordinal))
        {
            throw config.Refused("task_type", "Graft has no head of this kind (it reads SEQ_CLS, QUESTION_ANS and FEATURE_EXTRACTION)");
        }

        if (form is not null)
        {
            return mapping.RefusesHead is null ? form : throw config.Refused("task_type", mapping.RefusesHead);
        }

        // PEFT loads such a folder with a fresh, random head and a warning.
        var promised = task is SequenceClassification or Questions || (config.Fields.TextList("modules_to_save") ?? []).Any(m => m is "classifier" or "score" or "qa_outputs");
        return !promised || kept is { HasHeadWeights: true } ? null : throw new GraftException(
            $"'{file.FilePath}' has no head, and {AdapterConfigFile.Name} promises one (no key begins with {mapping.HeadRoot}classifier); take the adapter from where it was trained again, saved with its head.");
    }

    private static string LabelNote(PeftHead form, long outputs) => outputs == 1
        ? "The head has one output, so it is read as a regression."
        : $"The folder names no labels, so they are called {Suggest.List([.. form.Task("", outputs).Labels])}.";

    // Before anything is allocated: a damaged rank may ask for more memory than there is.
    private static void CheckSize(PeftConfigFile config, long parameters, SafetensorsFile file)
    {
        const long Slack = 1 << 20;
        if (parameters > (file.DataBytes * 4) + Slack)
        {
            throw new GraftException(
                $"{config.Path} describes an adapter of {parameters} parameters, and '{file.FilePath}' has {file.DataBytes} bytes; take config and weights from the same adapter.");
        }
    }

    [ModuleInitializer]
    internal static void Register() => AdapterFormats.Register(new PeftFormat());
}
