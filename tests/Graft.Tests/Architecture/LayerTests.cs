using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace Graft.Tests.Architecture;

public sealed partial class LayerTests
{
    // Data flows to the right; a folder may use only the folders before it.
    private static readonly string[] s_order = ["Text", "Backbones", "Methods", "Formats", "Tasks", "Training", "Evaluation", "Recipes"];

    private static readonly Dictionary<string, string[]> s_projects = new(StringComparer.Ordinal)
    {
        ["Graft.Torch"] = [],
        ["Graft"] = ["Graft.Torch"],
        ["Graft.Serving"] = ["Graft", "Graft.Torch"],
        ["Graft.Cli"] = ["Graft.Serving", "Graft", "Graft.Torch"],
    };

    private static readonly Dictionary<string, string[]> s_packages = new(StringComparer.Ordinal)
    {
        ["Graft.Torch"] = [],
        ["Graft"] = ["CsvHelper", "Google.Protobuf", "SharpZipLib"],
        ["Graft.Serving"] = [],
        ["Graft.Cli"] = ["Spectre.Console", "System.CommandLine"],
    };

    public static TheoryData<string> Projects => [.. s_projects.Keys];

    [Fact]
    public void Each_folder_of_the_library_uses_only_the_folders_before_it()
    {
        List<string> offences = [];
        foreach ((string path, string text) in Sources.CSharp("src/Graft"))
        {
            string folder = FolderOf(path);
            int place = Array.IndexOf(s_order, folder);
            if (place < 0 && folder.Length > 0)
            {
                offences.Add($"{path}: lies in no folder of the layout");
                continue;
            }

            offences.AddRange(FolderNamespace().Matches(WithoutComments(text))
                .Select(match => match.Groups["name"].Value)
                .Where(used => Array.IndexOf(s_order, used) > place)
                .Distinct(StringComparer.Ordinal)
                .Select(used => $"{path}: uses Graft.{used}, which lies to the right of {(folder.Length > 0 ? folder : "the root")}"));
        }

        Assert.Empty(offences);
    }

    [Fact]
    public void Each_file_of_the_library_declares_the_namespace_of_its_folder()
    {
        IEnumerable<string> offences = Sources.CSharp("src/Graft")
            .Where(file => DeclaredNamespace().Match(file.Text) is { Success: true } match && !Fits(match.Groups["name"].Value, FolderOf(file.Path)))
            .Select(file => file.Path);

        Assert.Empty(offences);
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Each_project_references_only_what_the_layout_allows(string project)
    {
        XDocument file = XDocument.Load(Path.Combine(Sources.Root, "src", project, $"{project}.csproj"));
        IEnumerable<string> projects = file.Descendants("ProjectReference").Select(e => Path.GetFileNameWithoutExtension(e.Attribute("Include")!.Value.Replace('\\', '/')));
        IEnumerable<string> packages = file.Descendants("PackageReference").Select(e => e.Attribute("Include")!.Value);

        Assert.All(projects, name => Assert.Contains(name, s_projects[project]));
        Assert.All(packages, name => Assert.Contains(name, s_packages[project]));
    }

    [Fact]
    public void Only_the_engine_calls_native_code()
    {
        IEnumerable<string> offences = new[] { "src/Graft", "src/Graft.Serving", "src/Graft.Cli" }
            .SelectMany(folder => Sources.CSharp(folder).Select(file => (Path: $"{folder}/{file.Path}", file.Text)))
            .Where(file => file.Text.Contains("LibraryImport", StringComparison.Ordinal) || file.Text.Contains("DllImport", StringComparison.Ordinal))
            .Select(file => file.Path);

        Assert.Empty(offences);
    }

    // Files at the root of the library serve every folder and use none.
    private static string FolderOf(string path) => path.Contains('/', StringComparison.Ordinal) ? path.Split('/')[0] : "";

    private static bool Fits(string name, string folder) =>
        folder.Length == 0 ? name == "Graft" : name.StartsWith($"Graft.{folder}", StringComparison.Ordinal);

    private static string WithoutComments(string text) => LineComment().Replace(text, "");

    [GeneratedRegex(@"\bGraft\.(?<name>Text|Backbones|Methods|Formats|Tasks|Training|Evaluation|Recipes)\b", RegexOptions.ExplicitCapture, 5000)]
    private static partial Regex FolderNamespace();

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex DeclaredNamespace();

    [GeneratedRegex(@"//.*$", RegexOptions.ExplicitCapture | RegexOptions.Multiline, 5000)]
    private static partial Regex LineComment();
}
