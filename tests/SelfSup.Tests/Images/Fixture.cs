using System.Runtime.CompilerServices;
using System.Text;

namespace SelfSup.Tests.Images;

/// <summary>The images in the folder Fixtures, and what another program makes of them.</summary>
internal static class Fixture
{
    private static readonly string _folder = Beside();

    /// <summary>The names of all encoded images.</summary>
    public static IEnumerable<string> Names { get; } =
    [
        .. Directory.EnumerateFiles(_folder)
            .Select(file => Path.GetFileName(file))
            .Where(name => Path.GetExtension(name) is ".jpg" or ".png" or ".webp" or ".bmp" or ".gif")
            .Order(StringComparer.Ordinal),
    ];

    public static string RepositoryRoot { get; } = Path.GetFullPath(Path.Combine(_folder, "..", "..", "..", ".."));

    public static byte[] Bytes(string name) => File.ReadAllBytes(Path.Combine(_folder, name));

    /// <summary>The reference pixels of an image: a binary PPM of 8-bit RGB.</summary>
    public static (int Width, int Height, byte[] Pixels) Reference(string name)
    {
        var ppm = File.ReadAllBytes(Path.Combine(_folder, Path.ChangeExtension(name, ".ppm")));
        var header = Encoding.ASCII.GetString(ppm, 0, 20).Split(['\n', ' ']);
        Assert.Equal(("P6", "255"), (header[0], header[3]));
        var (width, height) = (int.Parse(header[1]), int.Parse(header[2]));
        return (width, height, ppm[^(width * height * 3)..]);
    }

    private static string Beside([CallerFilePath] string here = "") =>
        Path.Combine(Path.GetDirectoryName(here)!, "Fixtures");
}
