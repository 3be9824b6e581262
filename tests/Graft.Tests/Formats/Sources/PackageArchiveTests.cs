using FsCheck;
using FsCheck.Fluent;
using Graft.Formats.Sources;
using Graft.Torch;
using Xunit;

namespace Graft.Tests.Formats.Sources;

public sealed class PackageArchiveTests
{
    private static readonly byte[] s_archive = TgzBuilder.Of(("package/a.txt", "alpha"), ("package/dir/b.txt", new string('b', 3000)), ("package/link", "-> /etc/passwd"));

    [Fact]
    public void Files_are_read_and_extracted_by_name_and_links_are_passed_over()
    {
        using var scratch = new ScratchFolder();
        var archive = scratch.Write("p.tgz", s_archive);

        Assert.Equal([("a.txt", 5L), ("dir/b.txt", 3000L)], PackageArchive.List(archive).Select(file => (file.Key, file.Value)));
        Assert.Equal("alpha"u8.ToArray(), PackageArchive.Read(archive, ["a.txt"], CancellationToken.None)["a.txt"]);
        PackageArchive.Extract(archive, scratch["out"], name => name, CancellationToken.None);
        Assert.Equal(["a.txt", "dir/b.txt"], scratch.Files("out"));
    }

    [Fact]
    public void A_missing_file_is_named()
    {
        using var scratch = new ScratchFolder();
        var archive = scratch.Write("p.tgz", s_archive);

        var fault = Assert.Throws<GraftException>(() => PackageArchive.Read(archive, ["a.txt", "c.txt"], CancellationToken.None));

        Assert.Contains("lacks the file 'c.txt'", fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../evil")]
    [InlineData("package/../../evil")]
    [InlineData("/evil")]
    [InlineData("package//evil")]
    [InlineData("package/./evil")]
    [InlineData("package\\..\\evil")]
    [InlineData("package/C:evil")]
    public void An_unsafe_name_is_refused_and_nothing_is_written(string name)
    {
        using var scratch = new ScratchFolder();
        var archive = scratch.Write("in/p.tgz", TgzBuilder.Of((name, "x")));

        var fault = Assert.Throws<GraftException>(() => PackageArchive.Extract(archive, scratch["out"], file => file, CancellationToken.None));

        Assert.Contains("unsafe file name", fault.Message, StringComparison.Ordinal);
        Assert.Equal(["in/p.tgz"], scratch.Files());
    }

    [Fact]
    public void Damage_anywhere_is_a_clear_error_or_harmless()
    {
        using var scratch = new ScratchFolder();
        Prop.ForAll(Damage.Of(s_archive).ToArbitrary(), damaged =>
        {
            var archive = scratch.Write("p.tgz", damaged);
            Damage.Allows(() => PackageArchive.Read(archive, ["dir/b.txt"], CancellationToken.None));
        }).QuickCheckThrowOnFailure();
    }
}
