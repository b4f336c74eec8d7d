using System.Globalization;

using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.Transforms.Onnx;

using SelfSup.Samples.EmbeddingService;

namespace SelfSup.Samples.MachineLearning;

/// <summary>An exported network as a step of ML.NET: images of a folder in, embeddings out.</summary>
internal sealed class OnnxEmbedder
{
    private const string Input = "images";
    private const long MaxPixels = 50_000_000;
    private static readonly string[] _endings = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"];
    private readonly MLContext _context;
    private readonly ImageView _view;
    private readonly OnnxScoringEstimator _network;
    private readonly string _output;

    /// <param name="context">ML.NET.</param>
    /// <param name="file">What <c>selfsup export --format onnx --normalize-input</c> wrote.</param>
    /// <exception cref="InvalidDataException">It is something else.</exception>
    public OnnxEmbedder(MLContext context, string file)
    {
        _context = context;
        if (!File.Exists(file))
        {
            throw new InvalidDataException($"{file}: there is no such file; name one that selfsup export --format onnx --normalize-input wrote");
        }

        using var session = new InferenceSession(file);
        var metadata = session.ModelMetadata.CustomMetadataMap;
        if (metadata.GetValueOrDefault("selfsup.input") != "rgb")
        {
            throw new InvalidDataException($"{file}: must take R, G, B from 0 to 1 and normalise them itself; export it with --format onnx --normalize-input");
        }

        if (!metadata.TryGetValue("selfsup.view", out var view))
        {
            throw new InvalidDataException($"{file}: does not say how images are prepared for it; export it without --image-size");
        }

        _view = new ImageView(view, int.Parse(metadata["selfsup.imageSize"], CultureInfo.InvariantCulture));
        _output = session.OutputMetadata.ContainsKey("embeddings") ? "embeddings" : "features";
        Width = session.OutputMetadata[_output].Dimensions[1];
        _network = context.Transforms.ApplyOnnxModel([_output], [Input], file);
    }

    /// <summary>Numbers of an embedding.</summary>
    public int Width { get; }

    /// <summary>Embeds every image below a folder; the folder that an image lies in is its class.</summary>
    public IReadOnlyList<EmbeddedImage> Embed(string folder)
    {
        string[] paths = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(path => _endings.Contains(Path.GetExtension(path).ToLowerInvariant())).Order(StringComparer.Ordinal)];
        if (paths.Length == 0)
        {
            throw new InvalidDataException($"{folder}: holds no images; name a folder with a subfolder of images for each class");
        }

        var shape = SchemaDefinition.Create(typeof(PreparedImage));
        var column = shape[nameof(PreparedImage.Planes)];
        column.ColumnName = Input;
        column.ColumnType = new VectorDataViewType(NumberDataViewType.Single, 3, _view.Size, _view.Size);
        // Images are read when ML.NET asks for them, so that only one is in memory.
        var images = _context.Data.LoadFromEnumerable(paths.Select(Prepare), shape);
        var embeddings = _network.Fit(images).Transform(images).GetColumn<float[]>(_output);
        return [.. paths.Zip(embeddings, (path, values) => new EmbeddedImage
        {
            Path = Path.GetRelativePath(folder, path),
            Label = Path.GetFileName(Path.GetDirectoryName(path))!,
            Embedding = values,
        })];
    }

    /// <summary>Embeddings as ML.NET's trainers take them.</summary>
    public IDataView View(IEnumerable<EmbeddedImage> images)
    {
        var shape = SchemaDefinition.Create(typeof(EmbeddedImage));
        shape[nameof(EmbeddedImage.Embedding)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, Width);
        return _context.Data.LoadFromEnumerable(images, shape);
    }

    private PreparedImage Prepare(string path)
    {
        var pixels = _view.Make(ImageFile.Decode(File.ReadAllBytes(path), path, MaxPixels));
        var (planes, plane) = (new float[pixels.Length], pixels.Length / 3);
        for (var i = 0; i < pixels.Length; i++)
        {
            planes[(i % 3 * plane) + (i / 3)] = pixels[i] / 255;
        }

        return new PreparedImage { Planes = planes };
    }

    private sealed class PreparedImage
    {
        public float[] Planes { get; set; } = [];
    }
}
