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
    /// <param name="sprite">Small pictures, side by side, as a PNG of 8,192 pixels a side at most; null for none.</param>
    public void WriteImages(IReadOnlyList<(string Class, string Name)> images, byte[]? sprite)
    {
        _ = Directory.CreateDirectory(Path.Combine(path, Folder));
        var lines = new StringBuilder("class\timage\n");
        foreach (var (name, image) in images)
        {
            _ = lines.Append(Cell(name)).Append('\t').Append(Cell(image)).Append('\n');
        }

        DurableFile.Write(Labels, lines.ToString());
        if (sprite is null)
        {
            File.Delete(Sprite);
        }
        else
        {
            DurableFile.Write(Sprite, stream => stream.Write(sprite));
        }
    }

    /// <summary>Writes the vectors of the images, and the list of all.</summary>
    /// <param name="step">How many steps are done.</param>
    /// <param name="vectors">One after the other, [M, F].</param>
    /// <param name="rows">M.</param>
    /// <param name="side">Pixels a side of each picture; null where there are none.</param>
    public void WriteVectors(long step, ReadOnlyMemory<float> vectors, int rows, int? side)
    {
        var width = vectors.Length / rows;
        DurableFile.Write(VectorsOf(step), stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            for (var i = 0; i < vectors.Length; i++)
            {
                writer.Write(vectors.Span[i].ToString(CultureInfo.InvariantCulture));
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
        var lines = File.ReadLines(file).Select(line => line.Count(character => character == '\t') + 1).ToArray();
        return (lines.Length, lines.FirstOrDefault());
    }

    private static string Entry(long step, int rows, int width, int? side) => string.Create(CultureInfo.InvariantCulture, $$"""
        embeddings {
          tensor_name: "features after step {{step}}"
          tensor_shape: {{rows}}
          tensor_shape: {{width}}
          tensor_path: "{{Folder}}/{{Name(step)}}"
          metadata_path: "{{Folder}}/images.tsv"
        {{(side is { } pixels ? $"  sprite {{ image_path: \"{Folder}/sprite.png\" single_image_dim: {pixels} single_image_dim: {pixels} }}\n" : "")}}}

        """);

    private static string Cell(string text) => text.ReplaceLineEndings(" ").Replace('\t', ' ');

    private static string Name(long step) => string.Create(CultureInfo.InvariantCulture, $"{VectorFiles}{step:D8}.tsv");

    private string VectorsOf(long step) => Path.Combine(path, Folder, Name(step));
}
