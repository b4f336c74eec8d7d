using System.Runtime.InteropServices;
using System.Text.Json;
using System.Xml.Linq;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>What others are given: the NuGet packages, in a program outside of the repository, and the published folder without the SDK.</summary>
public sealed class PackagingTests(Packages packages) : IClassFixture<Packages>, IDisposable
{
    /// <summary>Of what SelfSup holds of others.</summary>
    private static readonly string[] _licences = ["onnx", "tensorboard", "uPlot", "umap-js"];

    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void ACopyOfTheSampleBuildsAndTrainsFromThePackages()
    {
        var copy = Directory.CreateDirectory(_workspace["copy"]).FullName;
        foreach (var file in Directory.EnumerateFiles(Repository.OwnMethod).Where(file => !file.EndsWith(".lock.json", StringComparison.Ordinal)))
        {
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }

        // The two packages come from their own feed into a folder of their own, so that no other package of that version is taken for
        // them. What is here already is used in place; what is not comes from the sources of this machine.
        File.WriteAllText(
            Path.Combine(copy, "nuget.config"),
            $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{_workspace["restored"]}" /></config>
              <packageSources><add key="packed" value="{packages.Feed}" /></packageSources>
              <fallbackPackageFolders><add key="here" value="{GlobalPackages}" /></fallbackPackageFolders>
            </configuration>
            """);
        Sdk.Run(copy, "build", "-p:TreatWarningsAsErrors=true", "-p:NuGetAudit=false", "-o", _workspace["built"]);

        Assert.Equal(["selfsup", "selfsup.hosting"], Restored("selfsup*"));
        using var process = SelfSupProcess.StartProgram(
            _workspace["built", "own-method"], _workspace["."],
            [Path.Combine(copy, "align-uniform.yaml"), "run", $"data.path={Repository.TrainImages}", $"evaluation.test.path={Repository.TestImages}", .. ShortRun.Settings]);
        Assert.Contains($"Step {ShortRun.Steps} of {ShortRun.Steps}: loss ", process.Wait().Succeeds().Output, StringComparison.Ordinal);
        AssertSteps(ShortRun.Steps);
    }

    [Fact]
    public void PackagesHoldWhatUsersNeedAndNothingElse()
    {
        Assert.Equal(
            [
                "README.md", "SelfSup.nuspec", "buildTransitive/SelfSup.targets", "lib/net10.0/SelfSup.dll", "lib/net10.0/SelfSup.xml",
                .. _licences.Select(name => $"licences/{name}.LICENSE"),
            ],
            packages.Entries("SelfSup", ".nupkg"));
        Assert.Equal(
            ["README.md", "SelfSup.Hosting.nuspec", "lib/net10.0/SelfSup.Hosting.dll", "lib/net10.0/SelfSup.Hosting.xml"],
            packages.Entries("SelfSup.Hosting", ".nupkg"));
        foreach (var id in Packages.Ids)
        {
            Assert.Equal([$"{id}.nuspec", $"lib/net10.0/{id}.pdb"], packages.Entries(id, ".snupkg"));
        }
    }

    [Fact]
    public void PackagesSayWhatTheyAre()
    {
        foreach (var (id, needs) in new[] { ("SelfSup", "TorchSharp"), ("SelfSup.Hosting", "SelfSup") })
        {
            using var package = packages.Open(id, ".nupkg");
            var facts = XDocument.Load(package.GetEntry($"{id}.nuspec")!.Open()).Root!.Elements().Single();
            string? Fact(string name) => facts.Elements().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
            Assert.Equal(("MIT", "README.md"), (Fact("license"), Fact("readme")));
            Assert.NotEmpty(Fact("description")!);
            Assert.NotEmpty(Fact("tags")!);
            Assert.Null(Fact("projectUrl"));
            var dependencies = facts.Descendants().Where(element => element.Name.LocalName == "dependency")
                .Select(element => (string)element.Attribute("id")!).ToArray();
            Assert.Contains(needs, dependencies);
            Assert.DoesNotContain(dependencies, name => name.StartsWith("TorchSharp-", StringComparison.Ordinal)); // the user's choice
            Assert.DoesNotContain(dependencies, name => name.Contains("Analyzers", StringComparison.Ordinal));
        }
    }

    /// <summary>Packing adds neither a time nor a number of its own, and compiling no folder of this machine.</summary>
    [Fact]
    public void PackingAgainMakesTheSameBytesAndNoneOfThemNameAFolderOfThisMachine()
    {
        Packages.Pack(_workspace["again"]);
        foreach (var file in Directory.EnumerateFiles(packages.Feed))
        {
            Assert.True(File.ReadAllBytes(file).AsSpan().SequenceEqual(File.ReadAllBytes(_workspace["again", Path.GetFileName(file)])), file);
        }

        Assert.SkipWhen(Sdk.Configuration == "Debug", "builds for debuggers name the sources' folder");
        foreach (var id in Packages.Ids)
        {
            var sources = packages.Sources(id);
            Assert.Contains(sources, source => source.StartsWith($"/_/src/{id}/", StringComparison.Ordinal));
            Assert.All(sources, source => Assert.StartsWith("/_", source, StringComparison.Ordinal));
        }
    }

    /// <summary>On a machine with the shared runtime and without the SDK.</summary>
    [Fact]
    public void APublishedFolderNeedsTheRuntimeOnly()
    {
        Sdk.Run(Repository.Path, "publish", "src/SelfSup.Cli", "--no-build", "-o", _workspace["published"]);
        var runtime = Directory.CreateDirectory(_workspace["runtime"]).FullName;
        foreach (var part in new[] { "host", "shared" })
        {
            Directory.CreateSymbolicLink(Path.Combine(runtime, part), Path.Combine(Sdk.DotnetRoot, part));
        }

        AssertThePublishedFolderWorks($"DOTNET_ROOT={runtime}");
    }

    /// <summary>On a machine without anything of .NET.</summary>
    [Fact]
    public void ASelfContainedFolderNeedsNothing()
    {
        // Named, not --use-current-runtime: that builds into the folder of the program that needs a runtime.
        Sdk.Run(
            Repository.Path, "publish", "src/SelfSup.Cli", "-r", RuntimeInformation.RuntimeIdentifier, "--self-contained", "-p:RestoreLockedMode=true",
            "-p:RunAnalyzers=false", "-o", _workspace["published"]);
        using var settings = JsonDocument.Parse(File.ReadAllBytes(_workspace["published", "SelfSup.Cli.runtimeconfig.json"]));
        Assert.True(settings.RootElement.GetProperty("runtimeOptions").TryGetProperty("includedFrameworks", out _));
        AssertThePublishedFolderWorks($"DOTNET_ROOT={_workspace["nowhere"]}");
    }

    private static string GlobalPackages =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private void AssertThePublishedFolderWorks(string dotnetRoot)
    {
        // The folder may lie anywhere, and only the recipes may be named by a path into it.
        var folder = _workspace["moved", "selfsup"];
        Directory.CreateDirectory(_workspace["moved"]);
        Directory.Move(_workspace["published"], folder);
        string[] files = [.. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        Assert.All([.. _licences.Select(name => Path.Combine("licences", $"{name}.LICENSE")), "LICENSE", "README.md"], file => Assert.Contains(Path.Combine(folder, file), files));
        Assert.DoesNotContain(files, file => file.EndsWith(".pdb", StringComparison.Ordinal));
        Assert.DoesNotContain(files, file => file.Contains("torch_python", StringComparison.Ordinal));
        Assert.False(Directory.Exists(Path.Combine(folder, "runtimes")), "natives of other systems");

        using var doctor = JsonDocument.Parse(Selfsup("doctor", "--json").Output);
        Assert.Contains(
            doctor.RootElement.GetProperty("works").EnumerateArray(),
            ability => ability.GetProperty("name").GetString() == "train on the CPU" && ability.GetProperty("works").GetBoolean());
        Assert.StartsWith(
            Path.Combine(folder, "libtorch"),
            doctor.RootElement.GetProperty("groups").GetProperty("libtorch").EnumerateArray()
                .First(fact => fact.GetProperty("name").GetString() == "library").GetProperty("value").GetString(),
            StringComparison.Ordinal);

        var method = Selfsup("methods", "simclr").Output;
        Assert.Contains("a simple framework for contrastive learning", method, StringComparison.Ordinal);
        Assert.Contains("temperature", method, StringComparison.Ordinal); // from the doc comments beside the program

        Selfsup(["pretrain", Path.Combine(folder, "recipes", "quickstart.yaml"), "--run", "run", "--threads", "1", .. ShortRun.Sets]);
        AssertSteps(ShortRun.Steps);
        Selfsup("views", Path.Combine(folder, "recipes", "quickstart.yaml"), "--out", "grid.png", "--images", "2", "--views", "2"); // SkiaSharp
        Assert.Equal(files, Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal));

        Outcome Selfsup(params string[] arguments)
        {
            using var process = SelfSupProcess.StartProgram(
                "/usr/bin/env", _workspace["."],
                ["-i", $"PATH={_workspace["empty"]}", $"HOME={_workspace["."]}", "OMP_NUM_THREADS=1", dotnetRoot, Path.Combine(folder, "selfsup"), .. arguments]);
            return process.Wait().Succeeds();
        }
    }

    private string[] Restored(string pattern) =>
        [.. Directory.EnumerateDirectories(_workspace["restored"], pattern).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    private void AssertSteps(long steps)
    {
        using var result = JsonDocument.Parse(File.ReadAllBytes(_workspace["run", "result.json"]));
        Assert.Equal(steps, result.RootElement.GetProperty("steps").GetInt64());
        Assert.True(double.IsFinite(result.RootElement.GetProperty("loss").GetDouble()));
    }
}
