using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Graft.Torch.Tests;

public sealed class SafetensorsTests : IDisposable
{
    private static readonly string[] s_metadata = ["format", "label"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Tensors_of_every_type_and_the_metadata_come_back_as_they_were()
    {
        using var scope = new TensorScope();
        var path = _folder.File("all.safetensors");
        using var rng = new Rng(1);
        var source = rng.Uniform([3, 5], 0, 100);
        var tensors = Enum.GetValues<DType>().ToDictionary(t => $"t.{t}", t => source.To(t));
        tensors.Add("empty", Tensor.Zeros([0, 4]));
        tensors.Add("number", Tensor.Scalar(7));
        tensors.Add("strided", source.Transpose(0, 1));

        SafetensorsWriter.Write(path, tensors.Select(t => SafetensorsEntry.From(t.Key, t.Value)), new Dictionary<string, string> { ["format"] = "pt", ["label"] = "día \"α\"" });

        using var file = SafetensorsFile.Open(path);
        Assert.Equal(tensors.Keys.Order(StringComparer.Ordinal), file.Keys);
        Assert.Equal("día \"α\"", file.Metadata["label"]);
        Assert.Equal(s_metadata, file.Metadata.Keys);
        foreach (var (key, expected) in tensors)
        {
            var actual = file.Load(key);
            Assert.Equal(expected.DType, actual.DType);
            Assert.Equal(expected.Shape.ToArray(), actual.Shape.ToArray());
            Assert.True(expected.ElementsEqual(actual), key);
        }
    }

    [Fact]
    public void The_header_is_padded_so_that_data_starts_at_a_multiple_of_eight()
    {
        using var scope = new TensorScope();
        for (var length = 1; length <= 9; length++)
        {
            var path = _folder.File($"{length}");
            SafetensorsWriter.Write(path, [SafetensorsEntry.From(new string('k', length), Tensor.Ones([2]))]);
            Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(File.ReadAllBytes(path)) % 8);
        }
    }

    [Fact]
    public void A_loaded_tensor_outlives_its_file_and_changing_it_leaves_the_file_alone()
    {
        using var scope = new TensorScope();
        var path = _folder.File("a");
        SafetensorsWriter.Write(path, [SafetensorsEntry.From("x", Tensor.Ones([4]))]);
        var file = SafetensorsFile.Open(path);
        var x = file.Load("x");
        var again = file.Load("x");
        file.Dispose();

        x.Mul_(3);

        Assert.Equal([3, 3, 3, 3], again.ToArray<float>());
        using var reopened = SafetensorsFile.Open(path);
        Assert.Equal([1, 1, 1, 1], reopened.Load("x").ToArray<float>());
    }

    [Fact]
    public void Misaligned_data_is_copied()
    {
        using var scope = new TensorScope();
        var path = _folder.File("a");
        Raw(path, """{"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}""", [9, 0, 0, 128, 63]);

        using var file = SafetensorsFile.Open(path);

        Assert.Equal(1, file.Load("x").ToSingle());
        Assert.Equal(9, file.Bytes("b")[0]);
    }

    [Theory]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "needs 8 bytes and has 4")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "overlaps")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[6,10]}}""", 10, "belong to no tensor")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 3, "truncated")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "the data at 5")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "lies at bytes 4 to 0")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "no count")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "no count")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,16],"data_offsets":[0,4]}}""", 4, "needs")]
    [InlineData("""{"x":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807,9223372036854775807,0],"data_offsets":[0,0]}}""", 4, "the data at 4")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775808]}}""", 4, "no count")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}}""", 4, "lacks")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1]}}""", 4, "lacks")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}""", 4, "repeated field 'shape'")]
    [InlineData("""{"x":{"dtype":"Q4_K","shape":[1],"data_offsets":[0,4]}}""", 4, "'Q4_K'")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "occurs twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", 0, "occurs twice")]
    [InlineData("""{"__metadata__":{"a":1}}""", 0, "not the JSON")]
    [InlineData("""[1]""", 0, "not the JSON")]
    [InlineData("""{"x":{}} trailing""", 0, "lacks")]
    [InlineData("""{} {}""", 0, "not the JSON")]
    [InlineData("", 0, "not the JSON")]
    [InlineData("{", 0, "not the JSON")]
    [InlineData("{\"x", 0, "not the JSON")]
    public void A_hostile_header_is_refused_in_one_sentence_that_names_the_file(string json, int dataBytes, string reason)
    {
        var path = _folder.File("hostile");
        Raw(path, json, new byte[dataBytes]);

        var refusal = Assert.Throws<GraftException>(() => SafetensorsFile.Open(path));

        Assert.Contains(reason, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    }

    [Theory]
    [InlineData(1UL << 60)]
    [InlineData(ulong.MaxValue)]
    [InlineData(100UL)]
    public void A_header_that_claims_more_than_the_file_has_is_refused(ulong claimed)
    {
        var path = _folder.File("long");
        var bytes = new byte[40];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, claimed);
        File.WriteAllBytes(path, bytes);

        Assert.Contains("claims", Assert.Throws<GraftException>(() => SafetensorsFile.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_an_empty_and_a_short_file_are_refused()
    {
        File.WriteAllBytes(_folder.File("empty"), []);
        File.WriteAllBytes(_folder.File("short"), new byte[7]);

        Assert.Contains("no file", Assert.Throws<GraftException>(() => SafetensorsFile.Open(_folder.File("none"))).Message, StringComparison.Ordinal);
        Assert.Contains("only 0 bytes", Assert.Throws<GraftException>(() => SafetensorsFile.Open(_folder.File("empty"))).Message, StringComparison.Ordinal);
        Assert.Contains("only 7 bytes", Assert.Throws<GraftException>(() => SafetensorsFile.Open(_folder.File("short"))).Message, StringComparison.Ordinal);
        Assert.Throws<GraftException>(() => SafetensorsFile.Open(Path.GetTempPath()));
    }

    [Fact]
    public void Changed_bytes_are_refused_or_read_but_never_crash()
    {
        using var scope = new TensorScope();
        var path = _folder.File("good");
        SafetensorsWriter.Write(
            path,
            [SafetensorsEntry.From("a.weight", Tensor.Ones([3, 2])), SafetensorsEntry.From("b", Tensor.Arange(4))],
            new Dictionary<string, string> { ["format"] = "pt" });
        var good = File.ReadAllBytes(path);
        var mutations = ArbMap.Default.ArbFor<(ushort Place, byte Value)[]>();

        Prop.ForAll(mutations, changes =>
        {
            var bytes = (byte[])good.Clone();
            foreach (var (place, value) in changes) bytes[place % bytes.Length] = value;
            var cut = changes.Length % 3 == 2 ? bytes[..(changes[0].Place % bytes.Length)] : bytes;
            ReadAll(_folder.File("mutated"), cut);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithQuietOnSuccess(true));
    }

    [Fact]
    public void Random_tensors_come_back_bit_for_bit()
    {
        var path = _folder.File("random");

        Prop.ForAll(ArbMap.Default.ArbFor<(float[] Data, NonNull<string> Key)[]>(), tensors =>
        {
            using var scope = new TensorScope();
            var distinct = tensors.DistinctBy(t => t.Key.Get).Where(t => IsText(t.Key.Get)).ToList();
            SafetensorsWriter.Write(path, distinct.Select(t => SafetensorsEntry.From(t.Key.Get, Tensor.From(t.Data))));
            using var file = SafetensorsFile.Open(path);
            return distinct.All(t => file.Load(t.Key.Get).Bytes().SequenceEqual(Tensor.From(t.Data).Bytes()));
        }).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true));
    }

    [Fact]
    public void Two_tensors_of_one_name_and_short_writers_leave_no_file()
    {
        using var scope = new TensorScope();
        var path = _folder.File("a");
        var x = SafetensorsEntry.From("x", Tensor.Ones([2]));

        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, [x, x]));
        Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(path, [x with { WriteBytes = s => s.WriteByte(1) }]));

        Assert.Empty(_folder.Files());
    }

    [Fact]
    public void A_failed_write_leaves_the_file_of_before()
    {
        using var scope = new TensorScope();
        var path = _folder.File("a");
        SafetensorsWriter.Write(path, [SafetensorsEntry.From("x", Tensor.Ones([2]))]);

        Assert.Throws<GraftException>(() => SafetensorsWriter.Write(
            path, [new SafetensorsEntry("x", DType.Float32, [2], _ => throw new IOException("No space left on device"))]));

        using var file = SafetensorsFile.Open(path);
        Assert.Equal([1, 1], file.Load("x").ToArray<float>());
        Assert.Single(_folder.Files());
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named_with_a_remedy()
    {
        using var scope = new TensorScope();

        var refusal = Assert.Throws<GraftException>(
            () => SafetensorsWriter.Write("/nowhere/at/all.safetensors", [SafetensorsEntry.From("x", Tensor.Ones([2]))]));

        Assert.Contains("'/nowhere/at/all.safetensors'", refusal.Message, StringComparison.Ordinal);
    }

    private static bool IsText(string key) => key.Length > 0 && !key.StartsWith("__", StringComparison.Ordinal)
        && Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(key)) == key;

    private static void Raw(string path, string json, byte[] data)
    {
        var header = Encoding.UTF8.GetBytes(json);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        File.WriteAllBytes(path, [.. length, .. header, .. data]);
    }

    private static void ReadAll(string path, byte[] bytes)
    {
        File.WriteAllBytes(path, bytes);
        try
        {
            using var scope = new TensorScope();
            using var file = SafetensorsFile.Open(path);
            foreach (var key in file.Keys) Assert.Equal(file.Info(key).Count, file.Load(key).Clone().Count);
        }
        catch (GraftException)
        {
            // A sentence instead of a crash is what is asked for.
        }
    }
}
