using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests;

/// <summary>Every case of every golden file, driven from the case's own parameters.</summary>
public sealed class GoldenTests
{
    public static TheoryData<string, string> Cases => [.. GoldenFolder.Cases()];

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheReferenceIsMet(string file, string name)
    {
        var component = Path.GetFileName(file);
        var checks = GoldenComponentAttribute.Find(component);
        Assert.SkipWhen(checks.Count == 0, $"{component}: no such component yet (case '{name}')");
        using var golden = GoldenFolder.Read(file, name);
        foreach (var check in checks)
        {
            using var scope = NewDisposeScope();
            check(golden);
        }
    }
}
