using System.IO.Compression;
using System.Text;

namespace SelfSup.Tests.Images.Jpeg;

/// <summary>The JPEG files in <c>Fixtures/jpeg-matrix.zip</c>, and what other decoders make of them.</summary>
internal static class JpegMatrix
{
    private static readonly Dictionary<string, byte[]> _entries = Read();

    /// <summary>The names in a folder of the archive, without extension.</summary>
    public static IEnumerable<string> Names(string folder) => _entries.Keys
        .Where(name => name.StartsWith(folder + '/', StringComparison.Ordinal) && name.EndsWith(".jpg", StringComparison.Ordinal))
        .Select(name => name[..^4])
        .Order(StringComparer.Ordinal);

    public static byte[] Bytes(string name) => _entries[name + ".jpg"];

    /// <summary>What another decoder makes of it, as 8-bit RGB.</summary>
    public static (int Width, int Height, byte[] Pixels) Reference(string name) => Portable(_entries[name + ".pnm"]);

    /// <summary>The pixels of a binary PPM or PGM file, as 8-bit RGB.</summary>
    public static (int Width, int Height, byte[] Pixels) Portable(byte[] file)
    {
        var header = Encoding.ASCII.GetString(file, 0, Math.Min(20, file.Length)).Split(['\n', ' ']);
        Assert.True(header[0] is "P5" or "P6" && header[3] == "255", "no PGM or PPM file of 8 bits");
        var (width, height) = (int.Parse(header[1]), int.Parse(header[2]));
        return header[0] == "P6"
            ? (width, height, file[^(width * height * 3)..])
            : (width, height, [.. file[^(width * height)..].SelectMany(gray => new[] { gray, gray, gray })]);
    }

    private static Dictionary<string, byte[]> Read()
    {
        using var archive = new ZipArchive(new MemoryStream(Fixture.Bytes("jpeg-matrix.zip")));
        return archive.Entries.ToDictionary(entry => entry.FullName, entry =>
        {
            using var content = entry.Open();
            var bytes = new byte[entry.Length];
            content.ReadExactly(bytes);
            return bytes;
        });
    }
}
