using System.Diagnostics;
using Xunit;

namespace Graft.Torch.Tests;

public sealed class FullDiskTests
{
    [Fact]
    public void A_full_disk_gives_one_sentence_and_leaves_nothing_half_written()
    {
        using var folder = new TemporaryFolder();
        var disk = folder.File("disk");
        Directory.CreateDirectory(disk);
        if (Run("mount", "-t", "tmpfs", "-o", "size=64k", "graft-test", disk) != 0) Assert.Skip("this user cannot mount a small disk");
        try
        {
            using var scope = new TensorScope();
            var path = Path.Combine(disk, "a.safetensors");
            SafetensorsWriter.Write(path, [SafetensorsEntry.From("x", Tensor.Ones([16]))]);
            var before = File.ReadAllBytes(path);

            foreach (var size in new[] { 100_000, 4_000_000 })
            {
                var refusal = Assert.Throws<GraftException>(() => SafetensorsWriter.Write(path, [SafetensorsEntry.From("x", Tensor.Ones([size]))]));

                Assert.Contains("No space left", refusal.Message, StringComparison.Ordinal);
                Assert.Contains("free some space", refusal.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', refusal.Message);
            }

            Assert.Equal([path], Directory.GetFiles(disk, "*", new EnumerationOptions { AttributesToSkip = FileAttributes.None }));
            Assert.Equal(before, File.ReadAllBytes(path));
        }
        finally
        {
            Run("umount", disk);
        }
    }

    private static int Run(string program, params string[] arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
            foreach (var argument in arguments) start.ArgumentList.Add(argument);
            using var process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
