using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Graft.Backbones;
using Graft.Formats.Foreign;
using Graft.Formats.Foreign.Detection;
using Graft.Methods.Core;
using Graft.Tasks;
using Graft.Tasks.Heads;
using Graft.TestKit;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats;

/// <summary>Damaged and hostile adapter folders of every registered format: one sentence each, or a correct read, and never a crash.</summary>
public sealed class HostileFolderTests : IDisposable
{
    private const int Cases = 20_000;
    private const int WholeReads = 1_500;
    private static readonly string[] s_hostile =
    [
        "-1", "0", "1e999", "18446744073709551616", "9223372036854775807", "2147483648", "NaN", "null", "true", "\"\"", "[]", "{}", "[[[[[[[[]]]]]]]]",
        "\"../../../etc/passwd\"", "\"/etc/passwd\"", "\"\\u0000\"", "\"F32\"", "\"Q4\"", "[9223372036854775807, 9223372036854775807]", "[0, 4]", "[4, 0]", "{\"a\":",
    ];

    private readonly TestFolder _folder = new();
    private readonly Backbone _backbone = TinyBackbones.Create("bert");

    public static TheoryData<string> Formats => [.. AdapterFormats.All.Select(f => f.Name)];

    public void Dispose()
    {
        _backbone.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Twenty_thousand_damaged_safetensors_headers_and_settings_give_a_sentence_or_a_correct_read()
    {
        var random = new Random(20_000);
        var sources = AdapterFormats.All.Select(f => (Format: f, Folder: Saved(f))).ToList();
        var valid = SmallFile();
        var target = _folder.At("fuzzed.safetensors");
        var (refused, read, clock) = (0, 0, Stopwatch.StartNew());
        for (var i = 0; i < Cases - WholeReads; i++)
        {
            File.WriteAllBytes(target, Damaged(valid, random));
            Expect(() =>
            {
                using var scope = new TensorScope();
                using var file = SafetensorsFile.Open(target);
                foreach (var key in file.Keys)
                {
                    Assert.Equal(file.Info(key).Shape, file.Load(key).Shape.ToArray());
                }
            });
        }

        for (var i = 0; i < WholeReads; i++)
        {
            var (format, folder) = sources[i % sources.Count];
            var copy = _folder.At("fuzzed");
            Copy(folder, copy);
            var file = Pick(Directory.EnumerateFiles(copy).Order(StringComparer.Ordinal).ToList(), random);
            File.WriteAllBytes(file, file.EndsWith(".json", StringComparison.Ordinal) ? DamagedJson(File.ReadAllBytes(file), random) : Damaged(File.ReadAllBytes(file), random));
            Expect(() =>
            {
                _ = AdapterFolders.FormatOf(copy);
                using var adapter = format.Read(copy, _backbone);
            });
        }

        Assert.True(refused > Cases / 2 && read > 0, $"{refused} refused, {read} read.");
        Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), $"{clock.Elapsed}");

        void Expect(Action attempt)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                attempt();
                read++;
            }
            catch (GraftException e)
            {
                Sentence(e.Message);
                refused++;
            }

            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 64 << 20, "One case took more than 64 MiB.");
        }
    }

    [Theory, MemberData(nameof(Formats))]
    public void What_is_wrong_with_a_folder_is_one_sentence(string name)
    {
        var format = AdapterFormats.Get(name);
        var source = Saved(format);
        foreach (var file in Directory.EnumerateFiles(source).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal))
        {
            Check(file + " is missing", copy => File.Delete(Path.Combine(copy, file)), mayRead: true);
            Check(file + " is empty", copy => File.WriteAllBytes(Path.Combine(copy, file), []), mayRead: file.StartsWith("graft_", StringComparison.Ordinal));
            Check(file + " is cut", copy => Change(copy, file, bytes => bytes[..(bytes.Length / 2)]), mayRead: file.StartsWith("graft_", StringComparison.Ordinal));
        }

        foreach (var file in Directory.EnumerateFiles(source, "*.safetensors").Select(Path.GetFileName).OfType<string>().Where(f => !f.StartsWith("graft_", StringComparison.Ordinal)))
        {
            Check(file + " has an absurd header length", copy => Change(copy, file, bytes => WithLength(bytes, long.MaxValue)));
            Check(file + " has a shape of another size", copy => Change(copy, file, bytes => Replaced(bytes, "\"shape\":[", "\"shape\":[7,")));
            Check(file + " has overlapping tensors", copy => Change(copy, file, Overlapping));
            Check(file + " has a key of another model", copy => Change(copy, file, bytes => Replaced(bytes, "\"dtype\"", "\"dtype\"", key: "transformer.h.0.attn.c_attn.weight")));
        }

        using var other = TinyBackbones.Create("bert", layers: 1);
        Check("the backbone has fewer blocks", _ => { }, other);

        void Check(string what, Action<string> damage, Backbone? on = null, bool mayRead = false)
        {
            var copy = _folder.At("damaged");
            Copy(source, copy);
            damage(copy);
            try
            {
                using var adapter = format.Read(copy, on ?? _backbone);
                Assert.True(mayRead, $"{name}: {what}, and it was read.");
            }
            catch (GraftException e)
            {
                Sentence(e.Message);
            }
        }
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/etc")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData("a\0b")]
    public void A_name_that_leaves_the_folder_is_refused(string name) =>
        Sentence(Assert.Throws<GraftException>(() => AdapterFolders.Find(_folder.Path, name)).Message);

    private static void Sentence(string message)
    {
        Assert.False(string.IsNullOrWhiteSpace(message));
        Assert.True(message.Length < 4000, $"{message.Length} characters");
        Assert.DoesNotContain("   at ", message, StringComparison.Ordinal);
    }

    // A trained adapter with a head, in a format.
    private string Saved(AdapterFormat format)
    {
        var folder = _folder.At("saved-" + format.Name);
        var package = _folder.At("package");
        if (!Directory.Exists(package))
        {
            using var rng = new Rng(3);
            var lora = PeftMethods.Get("lora");
            var task = new TaskDefinition("letters", TaskKind.Classification, ["ham", "spam"], ["accuracy"], false);
            using var model = new TaskModel(
                task, _backbone, lora.Attach(_backbone, "letters", lora.Defaults, rng), new PooledHead(new PooledHeadConfig(TaskKind.Classification, 2), TinyBackbones.Width, rng), 30);
            TaskModelPackage.Save(model, package, "tiny");
        }

        using var adapter = AdapterFormats.Get("graft").Read(package, _backbone);
        format.Save(folder, adapter, _backbone, overwrite: true);
        return folder;
    }

    private byte[] SmallFile()
    {
        using var scope = new TensorScope();
        var path = _folder.At("small.safetensors");
        SafetensorsWriter.Write(path, [
            SafetensorsEntry.From("layer.0.lora_A", Tensor.Ones([2, 3])), SafetensorsEntry.From("layer.0.lora_B", Tensor.Zeros([3, 2]).To(DType.BFloat16)),
            SafetensorsEntry.From("rank", Tensor.From(new long[] { 2 }, 1)), SafetensorsEntry.From("empty", Tensor.Zeros([0, 5])),
        ], new Dictionary<string, string> { ["format"] = "pt" });
        return File.ReadAllBytes(path);
    }

    private static byte[] Damaged(byte[] valid, Random random)
    {
        var bytes = (byte[])valid.Clone();
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        switch (random.Next(6))
        {
            case 0:
                return bytes[..random.Next(bytes.Length)];
            case 1:
                BinaryPrimitives.WriteInt64LittleEndian(bytes, random.Next(3) switch { 0 => random.NextInt64(long.MinValue, long.MaxValue), 1 => random.Next(1 << 20), _ => header + random.Next(-16, 17) });
                return bytes;
            case 2:
                bytes[8 + random.Next(header)] = (byte)random.Next(256);
                return bytes;
            default:
                return Joined(DamagedJson(bytes[8..(8 + header)], random), bytes[(8 + header)..]);
        }
    }

    // Puts a hostile value in the place of a number, a text or a bracket, or cuts or doubles a piece.
    private static byte[] DamagedJson(byte[] json, Random random)
    {
        var text = Encoding.UTF8.GetString(json);
        var at = random.Next(text.Length);
        var end = Math.Min(text.Length, at + 1 + random.Next(12));
        if (random.Next(3) > 0)
        {
            at = text.IndexOfAny([.. "0123456789\"[{"], at);
            at = at < 0 ? 0 : at;
            end = at;
            while (end < text.Length && !",]}".Contains(text[end], StringComparison.Ordinal))
            {
                end++;
            }
        }

        var piece = random.Next(4) switch { 0 => "", 1 => text[at..end] + text[at..end], _ => s_hostile[random.Next(s_hostile.Length)] };
        return Encoding.UTF8.GetBytes(text[..at] + piece + text[end..]);
    }

    private static byte[] Joined(byte[] header, byte[] data)
    {
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. data];
    }

    private static byte[] WithLength(byte[] bytes, long length)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        return bytes;
    }

    // The first tensor's entry changed; with a key, the entry is called so.
    private static byte[] Replaced(byte[] bytes, string old, string by, string? key = null)
    {
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var text = Encoding.UTF8.GetString(bytes, 8, header);
        var at = text.IndexOf(old, StringComparison.Ordinal);
        text = text[..at] + by + text[(at + old.Length)..];
        if (key is not null)
        {
            var close = text.LastIndexOf("\":{", at, StringComparison.Ordinal);
            var open = text.LastIndexOf('"', close - 1);
            text = text[..(open + 1)] + key + text[close..];
        }

        return Joined(Encoding.UTF8.GetBytes(text), bytes[(8 + header)..]);
    }

    private static byte[] Overlapping(byte[] bytes)
    {
        var header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        var text = Encoding.UTF8.GetString(bytes, 8, header);
        var second = text.IndexOf("\"data_offsets\":[", text.IndexOf("\"data_offsets\":[", StringComparison.Ordinal) + 1, StringComparison.Ordinal) + 16;
        var (comma, close) = (text.IndexOf(',', second), text.IndexOf(']', second));
        var length = long.Parse(text[(comma + 1)..close], System.Globalization.CultureInfo.InvariantCulture) - long.Parse(text[second..comma], System.Globalization.CultureInfo.InvariantCulture);
        return Joined(Encoding.UTF8.GetBytes($"{text[..second]}0,{length}{text[close..]}"), bytes[(8 + header)..]);
    }

    private static void Change(string folder, string file, Func<byte[], byte[]> change)
    {
        var path = Path.Combine(folder, file);
        File.WriteAllBytes(path, change(File.ReadAllBytes(path)));
    }

    private static void Copy(string from, string to)
    {
        if (Directory.Exists(to))
        {
            Directory.Delete(to, recursive: true);
        }

        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        }
    }

    private static T Pick<T>(List<T> items, Random random) => items[random.Next(items.Count)];
}
