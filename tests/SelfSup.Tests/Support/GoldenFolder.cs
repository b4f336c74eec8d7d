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

    /// <summary>Every case of every file, by the file's name under the folder and the case's, in a stable order.</summary>
    public static IEnumerable<(string File, string Case)> Cases()
    {
        foreach (var file in Directory.EnumerateFiles(Path, "*.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(file));
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("cases", out var cases))
            {
                foreach (var name in cases.EnumerateArray().Select(c => c.GetProperty("name").GetString()!))
                {
                    yield return (System.IO.Path.ChangeExtension(System.IO.Path.GetRelativePath(Path, file), null), name);
                }
            }
        }
    }

    /// <summary>Every reference network: what stands before <c>_io.safetensors</c>.</summary>
    public static IEnumerable<string> Models() =>
        Directory.EnumerateFiles(Path, "*_io.safetensors", SearchOption.AllDirectories)
            .Select(f => System.IO.Path.GetRelativePath(Path, f).Replace("_io.safetensors", "", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    /// <summary>Reads one case; the document is the caller's to dispose.</summary>
    public static GoldenCase Read(string file, string name)
    {
        var document = JsonDocument.Parse(File.ReadAllBytes(System.IO.Path.Combine(Path, file + ".json")));
        var found = document.RootElement.GetProperty("cases").EnumerateArray()
            .Single(c => c.GetProperty("name").GetString() == name);
        return new GoldenCase(document, System.IO.Path.GetFileName(file), found);
    }

    private static string Beside([CallerFilePath] string here = "") =>
        System.IO.Path.GetFullPath(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(here)!, "..", "Golden"));
}
