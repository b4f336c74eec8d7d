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

    /// <summary>What all COPY lines take from the context.</summary>
    private static string[] Copied =>
    [
        .. _lines.Where(line => line.StartsWith("COPY ", StringComparison.Ordinal) && !line.Contains("--from", StringComparison.Ordinal))
            .SelectMany(line => line.Split(' ')[1..^1]).Select(path => path.TrimEnd('/')),
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
    public void WhatIsCopiedIsThere() => Assert.All(Copied, path => Assert.True(Path.Exists(Path.Combine(Repository.Path, path)), path));

    /// <summary>What a project or one of the files for all imports is as much part of a restore as they are.</summary>
    [Fact]
    public void WhatTheyImportIsCopiedBeforeTheRestoreToo()
    {
        var imported = BeforeTheRestore.Where(path => Path.GetExtension(path) is ".csproj" or ".props" or ".targets")
            .SelectMany(path => XDocument.Load(Path.Combine(Repository.Path, path)).Descendants("Import")
                .Select(import => Path.Combine(Path.GetDirectoryName(path)!, (string)import.Attribute("Project")!)))
            .ToArray();
        Assert.Contains("src/SelfSup/SelfSup.targets", imported);
        Assert.All(imported, path => Assert.Contains(path, BeforeTheRestore));
    }

    /// <summary>The context is nothing but what .dockerignore lets through: all that is copied, and no folder more.</summary>
    [Fact]
    public void TheContextHoldsWhatIsCopiedAndNothingElse()
    {
        var let = File.ReadAllLines(Path.Combine(Repository.Path, ".dockerignore"))
            .Where(line => line.StartsWith('!')).Select(line => line[1..]).ToArray();
        Assert.All(Copied, path => Assert.Contains(let, pattern => Lets(pattern, path)));
        Assert.All(let, pattern => Assert.Contains(Copied, path => Lets(pattern, path)));

        static bool Lets(string pattern, string path) => pattern.EndsWith('*')
            ? path.StartsWith(pattern[..^1], StringComparison.Ordinal)
            : path == pattern || path.StartsWith(pattern + "/", StringComparison.Ordinal);
    }

    private static IEnumerable<string> Projects(string project)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Repository.Path, project))!;
        return XDocument.Load(Path.Combine(Repository.Path, project)).Descendants("ProjectReference")
            .Select(reference => Path.GetRelativePath(Repository.Path, Path.GetFullPath(Path.Combine(folder, (string)reference.Attribute("Include")!))))
            .SelectMany(Projects).Prepend(project);
    }
}
