using System.IO.Compression;
using System.Reflection.Metadata;

namespace SelfSup.IntegrationTests.Support;

/// <summary>The NuGet packages of what is built, packed once for all tests of a class.</summary>
public sealed class Packages : IDisposable
{
    public Packages() => Pack(Feed);

    public static string[] Ids { get; } = ["SelfSup", "SelfSup.Hosting"];

    /// <summary>The folder they are in.</summary>
    public string Feed { get; } = Directory.CreateTempSubdirectory("selfsup-feed-").FullName;

    private static string Version => typeof(Methods.Method).Assembly.GetName().Version!.ToString(3);

    /// <summary>Packs what is built.</summary>
    public static void Pack(string folder)
    {
        foreach (var id in Ids)
        {
            Sdk.Run(Repository.Path, "pack", $"src/{id}", "--no-build", "-o", folder);
        }
    }

    public ZipArchive Open(string id, string extension) => ZipFile.OpenRead(Path.Combine(Feed, $"{id}.{Version}{extension}"));

    /// <summary>What is in a package, without what describes its container.</summary>
    public string[] Entries(string id, string extension)
    {
        using var package = Open(id, extension);
        return
        [
            .. package.Entries.Select(entry => entry.FullName).Order(StringComparer.Ordinal)
                .Where(name => name != "[Content_Types].xml" && name is not ['_', 'r', 'e', 'l', 's', '/', ..] && !name.EndsWith(".psmdcp", StringComparison.Ordinal)),
        ];
    }

    /// <summary>The sources that the symbols name.</summary>
    public string[] Sources(string id)
    {
        using var package = Open(id, ".snupkg");
        using var symbols = new MemoryStream();
        using (var entry = package.GetEntry($"lib/net10.0/{id}.pdb")!.Open())
        {
            entry.CopyTo(symbols);
        }

        symbols.Position = 0;
        using var provider = MetadataReaderProvider.FromPortablePdbStream(symbols);
        var reader = provider.GetMetadataReader();
        return [.. reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name))];
    }

    public void Dispose() => Directory.Delete(Feed, recursive: true);
}
