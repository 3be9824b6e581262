using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Graft.TestKit;
using Graft.Torch.Native;
using Xunit;

namespace Graft.Torch.Tests;

public sealed partial class BorderTests
{
    [Fact]
    public void Every_export_of_the_header_has_a_managed_declaration_of_equal_arity_and_parameter_kinds()
    {
        var declared = typeof(NativeMethods).GetMethods(BindingFlags.Static | BindingFlags.NonPublic)
            .Select(method => (Method: method, Import: method.GetCustomAttribute<LibraryImportAttribute>()))
            .Where(entry => entry.Import is not null)
            .ToDictionary(entry => entry.Import!.EntryPoint!, entry => string.Join(", ", entry.Method.GetParameters().Select(KindOf)));

        var exported = Export().Matches(Header()).ToDictionary(
            match => match.Groups["name"].Value,
            match => string.Join(", ", match.Groups["parameters"].Value.Split(',').Select(KindOf)));

        Assert.True(exported.Count > 25);
        Assert.Equal(exported.OrderBy(e => e.Key, StringComparer.Ordinal), declared.OrderBy(e => e.Key, StringComparer.Ordinal));
    }

    [Fact]
    public void Codes_of_types_kinds_and_states_are_those_of_the_header()
    {
        var codes = Code().Matches(Header()).ToDictionary(m => m.Groups["name"].Value, m => int.Parse(m.Groups["code"].Value));

        Assert.All(Enum.GetValues<DType>(), value => Assert.Equal((int)value, codes[$"GRAFT_{value}".ToUpperInvariant()]));
        Assert.All(Enum.GetValues<DeviceKind>(), value => Assert.Equal((int)value, codes[$"GRAFT_{value}".ToUpperInvariant()]));
        Assert.All(Enum.GetValues<GraftStatus>(), value => Assert.Equal((int)value, codes[$"GRAFT_{value}".ToUpperInvariant()]));
        Assert.All(Enum.GetValues<ValueKind>(), value => Assert.Equal((int)value, codes[KindName(value)]));
    }

    [Fact]
    public unsafe void Structures_have_the_size_that_the_native_compiler_gives_them()
    {
        Assert.Equal(16, sizeof(NativeValue));
        Assert.Equal(40, sizeof(NativeDescription));
    }

    [Fact]
    public void The_library_on_disk_says_which_border_it_speaks()
    {
        _ = NativeMethods.AbiVersion(out var version);

        Assert.Equal(int.Parse(AbiVersion().Match(Header()).Groups["version"].Value), version);
    }

    [Theory]
    [InlineData("/x/libgraft_torch.so: cannot open shared object file: No such file", "cannot be loaded")]
    [InlineData("libtorch.so.1.13: cannot open shared object file: No such file or directory", "apt-get install libtorch-dev")]
    [InlineData("Unable to load.\nlibc10.so.1.13: cannot open shared object file: No such file or directory\n", "'libc10.so.1.13' is missing")]
    [InlineData("libgomp.so.1: cannot open shared object file: No such file or directory", "libtorch needs 'libgomp.so.1'")]
    [InlineData("/x/libgraft_torch.so: undefined symbol: _ZN3c106detail", "another libtorch")]
    [InlineData("/x/libgraft_torch.so: invalid ELF header", "rebuild it with native/build.sh")]
    public void What_the_dynamic_linker_says_becomes_one_sentence_with_a_remedy(string complaint, string expected)
    {
        var sentence = BorderLibrary.Explain("/x/libgraft_torch.so", complaint);

        Assert.Contains(expected, sentence, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', sentence);
    }

    [Fact]
    public void A_missing_a_broken_and_a_foreign_library_are_refused_with_a_remedy()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("broken.so"), "no library");

        Assert.Contains("native/build.sh", Assert.Throws<LibtorchMissingException>(() => BorderLibrary.Load(folder.File("none.so"))).Message, StringComparison.Ordinal);
        Assert.Contains("native/build.sh", Assert.Throws<LibtorchMissingException>(() => BorderLibrary.Load(folder.File("broken.so"))).Message, StringComparison.Ordinal);
        var foreign = File.ReadLines("/proc/self/maps").Select(line => line[(line.LastIndexOf(' ') + 1)..]).First(path => path.Contains("libc.so", StringComparison.Ordinal));
        Assert.Contains("not this project's", Assert.Throws<LibtorchMissingException>(() => BorderLibrary.Load(foreign)).Message, StringComparison.Ordinal);
    }

    private static string Header() => File.ReadAllText(SharedData.Repository("native/graft_torch/graft_torch.h"));

    private static string KindName(ValueKind kind)
    {
        var words = UpperCase().Replace(kind.ToString(), "_$0").ToUpperInvariant();
        return kind == ValueKind.DType ? "GRAFT_DTYPE" : "GRAFT" + words;
    }

    /// <summary>A parameter as the machine sees it: a pointer, or an integer of some size.</summary>
    private static string KindOf(string parameter)
    {
        if (parameter.Contains('*') || HandleType().IsMatch(parameter)) return "pointer";
        return parameter.Contains("int32_t", StringComparison.Ordinal) ? "i32" : "i64";
    }

    private static string KindOf(ParameterInfo parameter)
    {
        var type = parameter.ParameterType;
        if (type == typeof(int)) return "i32";
        return type == typeof(long) || type == typeof(ulong) ? "i64" : "pointer";
    }

    [GeneratedRegex(@"GRAFT_API graft_status (?<name>\w+)\((?<parameters>[^)]*)\);", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Export();

    [GeneratedRegex(@"(?<name>GRAFT_\w+) = (?<code>-?\d+)", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex Code();

    [GeneratedRegex(@"GRAFT_ABI_VERSION (?<version>\d+)", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex AbiVersion();

    [GeneratedRegex(@"\bgraft_(tensor|operator|generator|release)\b", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex HandleType();

    [GeneratedRegex("[A-Z]", RegexOptions.None, 5000)]
    private static partial Regex UpperCase();
}
