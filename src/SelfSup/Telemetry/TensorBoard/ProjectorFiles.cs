using System.Globalization;
using System.Text;

using SelfSup.Checkpoints;

namespace SelfSup.Telemetry.TensorBoard;

/// <summary>
/// What TensorBoard's projector reads: vectors as text, a line an image, which it takes whatever the numbers are; the images'
/// classes and names; small pictures of them; and <c>projector_config.pbtxt</c>, which names the rest. The vectors before training and the
/// newest are kept.
/// </summary>
/// <param name="path">The folder of the event files.</param>
internal sealed class ProjectorFiles(string path)
{
    private const string Folder = "projector";
    private const string VectorFiles = "features-";

    private string Labels => Path.Combine(path, Folder, "images.tsv");

    private string Sprite => Path.Combine(path, Folder, "sprite.png");

    /// <summary>Writes classes, names and pictures, in the order of the vectors.</summary>
    /// <param name="images">Class and name of each.</param>
    /// <param name="sprite">Small pictures, side by side, as a PNG of 8,192 pixels a side at most.</param>
    public void WriteImages(IReadOnlyList<(string Class, string Name)> images, byte[] sprite)
    {
        _ = Directory.CreateDirectory(Path.Combine(path, Folder));
        var lines = new StringBuilder("class\timage\n");
        foreach (var (name, image) in images)
        {
            _ = lines.Append(Cell(name)).Append('\t').Append(Cell(image)).Append('\n');
        }

        var text = lines.ToString();
        if (File.Exists(Labels) && File.ReadAllText(Labels) != text)
        {
            // Vectors that are there are of other images.
            foreach (var file in Directory.EnumerateFiles(Path.Combine(path, Folder), VectorFiles + "*"))
            {
                File.Delete(file);
            }
        }

        DurableFile.Write(Labels, text);
        DurableFile.Write(Sprite, stream => stream.Write(sprite));
    }

    /// <summary>Writes the vectors of the images, and the list of all.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="vectors">One after the other, [M, F].</param>
    /// <param name="rows">M.</param>
    /// <param name="side">Pixels a side of each picture.</param>
    public void WriteVectors(long step, ReadOnlyMemory<float> vectors, int rows, int side)
    {
        var width = vectors.Length / rows;
        DurableFile.Write(VectorsOf(step), stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            Span<char> number = stackalloc char[32]; // no text for each: garbage would have the collector run in the middle of steps
            for (var i = 0; i < vectors.Length; i++)
            {
                _ = vectors.Span[i].TryFormat(number, out var length, provider: CultureInfo.InvariantCulture);
                writer.Write(number[..length]);
                writer.Write((i + 1) % width == 0 ? '\n' : '\t');
            }
        });

        long[] steps = step > 0 && File.Exists(VectorsOf(0)) && ShapeOf(VectorsOf(0)) == (rows, width) ? [step, 0] : [step];
        DurableFile.Write(Path.Combine(path, "projector_config.pbtxt"), string.Concat(steps.Select(kept => Entry(kept, rows, width, side))));
        foreach (var file in Directory.EnumerateFiles(Path.Combine(path, Folder), VectorFiles + "*").Except(steps.Select(VectorsOf)))
        {
            File.Delete(file);
        }
    }

    private static (int Rows, int Width) ShapeOf(string file)
    {
        var (rows, width) = (0, 0);
        foreach (var line in File.ReadLines(file))
        {
            width = rows++ == 0 ? line.Count(character => character == '\t') + 1 : width;
        }

        return (rows, width);
    }

    private static string Entry(long step, int rows, int width, int side) => string.Create(CultureInfo.InvariantCulture, $$"""
        embeddings {
          tensor_name: "features after step {{step}}"
          tensor_shape: {{rows}}
          tensor_shape: {{width}}
          tensor_path: "{{Folder}}/{{Name(step)}}"
          metadata_path: "{{Folder}}/images.tsv"
          sprite { image_path: "{{Folder}}/sprite.png" single_image_dim: {{side}} single_image_dim: {{side}} }
        }

        """);

    private static string Cell(string text) => text.ReplaceLineEndings(" ").Replace('\t', ' ');

    private static string Name(long step) => string.Create(CultureInfo.InvariantCulture, $"{VectorFiles}{step:D8}.tsv");

    private string VectorsOf(long step) => Path.Combine(path, Folder, Name(step));
}
