using System.Runtime.CompilerServices;
using System.Text.Json;

namespace SelfSup.Tests.Support;

/// <summary>
/// The reference numbers in <c>tests/SelfSup.Tests/Golden</c>, or in the folder that the environment variable
/// <c>SELFSUP_GOLDEN</c> names, which must have the same schema.
/// </summary>
internal static class GoldenFolder
{
    public static string Path { get; } = Environment.GetEnvironmentVariable("SELFSUP_GOLDEN") is { Length: > 0 } other
        ? System.IO.Path.GetFullPath(other)
        : Beside();

    /// <summary>Every case of every file, by component and name, in a stable order.</summary>
    public static IEnumerable<(string Component, string Case)> Cases()
    {
        foreach (var file in Directory.EnumerateFiles(Path, "*.json").Order(StringComparer.Ordinal))
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            if (document.RootElement.TryGetProperty("cases", out var cases))
            {
                var component = System.IO.Path.GetFileNameWithoutExtension(file);
                foreach (var name in cases.EnumerateArray().Select(c => c.GetProperty("name").GetString()!))
                {
                    yield return (component, name);
                }
            }
        }
    }

    /// <summary>Reads one case; the document is the caller's to dispose.</summary>
    public static GoldenCase Read(string component, string name)
    {
        var document = JsonDocument.Parse(File.ReadAllBytes(System.IO.Path.Combine(Path, component + ".json")));
        var found = document.RootElement.GetProperty("cases").EnumerateArray()
            .Single(c => c.GetProperty("name").GetString() == name);
        return new GoldenCase(document, component, found);
    }

    private static string Beside([CallerFilePath] string here = "") =>
        System.IO.Path.GetFullPath(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "..", "Golden"));
}
