using System.Globalization;

using Microsoft.ML.OnnxRuntime;

namespace SelfSup.Samples.EmbeddingService;

/// <summary>The exported network in ONNX Runtime. All that it needs to know of it is in the file; many threads may use it.</summary>
internal sealed class EmbeddingModel : IDisposable
{
    private const string Input = "images";
    private readonly InferenceSession _session;
    private readonly string _kind;
    private readonly float[] _scale;
    private readonly float[] _shift;

    /// <exception cref="InvalidDataException">The file is missing, or not one that SelfSup exported for images.</exception>
    /// <exception cref="OnnxRuntimeException">It is damaged.</exception>
    public EmbeddingModel(ServiceOptions options)
    {
        Options = options;
        if (!File.Exists(options.Model))
        {
            throw new InvalidDataException($"--model {options.Model}: there is no such file; name one that selfsup export --format onnx wrote");
        }

        // A request has a core, so that requests do not wait for each other's threads.
        using var settings = new Microsoft.ML.OnnxRuntime.SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        _session = new InferenceSession(options.Model, settings);
        var metadata = _session.ModelMetadata.CustomMetadataMap;
        string Value(string key) => metadata.TryGetValue(key, out var value)
            ? value
            : throw new InvalidDataException($"--model {options.Model}: says nothing of '{key}'; name one that selfsup export --format onnx wrote");
        _kind = Value("selfsup.input");
        if (_kind == "features")
        {
            throw new InvalidDataException($"--model {options.Model}: takes features, not images; export it with --part backbone or all");
        }

        if (!metadata.TryGetValue("selfsup.view", out var view))
        {
            throw new InvalidDataException($"--model {options.Model}: does not say how images are prepared for it; export it without --image-size");
        }

        View = new ImageView(view, int.Parse(Value("selfsup.imageSize"), CultureInfo.InvariantCulture));
        Output = _session.OutputMetadata.ContainsKey("embeddings") ? "embeddings" : "features";

        // Bytes to what the network takes: value * scale + shift.
        var (mean, deviation) = _kind == "normalized"
            ? (Numbers(Value("selfsup.normalizeMean")), Numbers(Value("selfsup.normalizeStandardDeviation")))
            : ([0, 0, 0], [1, 1, 1]);
        _scale = [.. deviation.Select(value => (float)(1 / (255 * value)))];
        _shift = [.. mean.Zip(deviation, (m, d) => (float)(-m / d))];
        Facts = new ModelFacts(
            "ok",
            Path.GetFileName(options.Model),
            Output,
            _session.OutputMetadata[Output].Dimensions[1],
            metadata.GetValueOrDefault("selfsup.method", ""),
            metadata.GetValueOrDefault("selfsup.backbone", ""),
            metadata.GetValueOrDefault("selfsup.recipeHash", ""),
            metadata.GetValueOrDefault("selfsup.version", ""));
    }

    /// <summary>The service's settings.</summary>
    public ServiceOptions Options { get; }

    /// <summary>How an image is prepared.</summary>
    public ImageView View { get; }

    /// <summary>Which output is used: embeddings where there are any, else features.</summary>
    public string Output { get; }

    /// <summary>What of it others may want to know.</summary>
    public ModelFacts Facts { get; }

    /// <summary>Embeds prepared images, [S, S, 3] each, in one pass.</summary>
    public float[][] Embed(float[][] images)
    {
        var size = (long)View.Size;
        using var input = _kind == "bytes"
            ? OrtValue.CreateTensorValueFromMemory(Bytes(images), [images.Length, size, size, 3])
            : OrtValue.CreateTensorValueFromMemory(Planes(images), [images.Length, 3, size, size]);
        using var run = new RunOptions();
        using var results = _session.Run(run, [Input], [input], [Output]);
        return [.. results[0].GetTensorDataAsSpan<float>().ToArray().Chunk(Facts.Width)];
    }

    public void Dispose() => _session.Dispose();

    private static double[] Numbers(string list) => [.. list.Split(',').Select(value => double.Parse(value, CultureInfo.InvariantCulture))];

    private static byte[] Bytes(float[][] images) =>
        [.. images.SelectMany(image => image).Select(value => (byte)Math.Clamp(Math.Round(value), 0, 255))];

    private float[] Planes(float[][] images)
    {
        var plane = View.Size * View.Size;
        var planes = new float[images.Length * 3 * plane];
        for (var i = 0; i < images.Length; i++)
        {
            for (var j = 0; j < 3 * plane; j++)
            {
                var channel = j % 3;
                planes[(((i * 3) + channel) * plane) + (j / 3)] = (images[i][j] * _scale[channel]) + _shift[channel];
            }
        }

        return planes;
    }
}

/// <summary>What <c>GET /health</c> says.</summary>
internal sealed record ModelFacts(
    string Status, string Model, string Output, int Width, string Method, string Backbone, string RecipeHash, string Version);
