using System.Xml.Linq;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>
/// The container's recipe names all that the program is restored from. <c>tools/container/check</c> carries out its build stage,
/// which takes minutes.
/// </summary>
public sealed class DockerfileTests
{
    private static readonly string[] _lines =
        File.ReadAllLines(Path.Combine(Repository.Path, "tools", "container", "Dockerfile"));

    /// <summary>What the COPY lines before the restore take from the context.</summary>
    private static string[] BeforeTheRestore =>
    [
        .. _lines.TakeWhile(line => !line.StartsWith("RUN ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("COPY ", StringComparison.Ordinal)).SelectMany(line => line.Split(' ')[1..^1]),
    ];

    [Fact]
    public void EveryProjectOfTheProgramIsCopiedWithItsLockFileBeforeTheRestore()
    {
        var copied = BeforeTheRestore;
        var projects = Projects("src/SelfSup.Cli/SelfSup.Cli.csproj").Distinct().ToArray();
        Assert.True(projects.Length >= 3);
        Assert.All(projects, project =>
        {
            Assert.Contains(project, copied);
            Assert.Contains($"{Path.GetDirectoryName(project)}/packages.lock.json", copied);
        });
        Assert.All(
            ["global.json", .. Directory.EnumerateFiles(Repository.Path, "Directory.*").Select(path => Path.GetFileName(path)!)],
            file => Assert.Contains(file, copied));
    }

    [Fact]
    public void WhatIsCopiedIsThere() => Assert.All(
        _lines.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ')[1..^1]),
        path => Assert.True(Path.Exists(Path.Combine(Repository.Path, path)), path));

    private static IEnumerable<string> Projects(string project)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Path, project))!;
        return XDocument.Load(Path.Combine(Repository.Path, project)).Descendants("ProjectReference")
            .Select(reference => Path.GetRelativePath(Repository.Path, Path.GetFullPath(Path.Combine(folder, (string)reference.Attribute("Include")!))))
            .SelectMany(Projects).Prepend(project);
    }
}
