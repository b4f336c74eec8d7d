using System.Runtime.InteropServices;

using Microsoft.ML.OnnxRuntime;

using SelfSup.Export;
using SelfSup.Export.Onnx;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Tests.Support;

/// <summary>ONNX Runtime with an exported network, on one thread.</summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly InferenceSession _session;

    public OnnxSession(Encoder encoder, OnnxOptions options, ModelCard? card = null)
        : this(Bytes(encoder, options, card))
    {
    }

    public OnnxSession(byte[] model)
    {
        using var settings = Settings();
        _session = new InferenceSession(model, settings);
    }

    public OnnxSession(string path)
    {
        using var settings = Settings();
        _session = new InferenceSession(path, settings);
    }

    /// <summary>The session itself.</summary>
    public InferenceSession Session => _session;

    /// <summary>What the file says of itself.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _session.ModelMetadata.CustomMetadataMap;

    /// <summary>A card for images of a side.</summary>
    public static ModelCard Card(int imageSize) => new()
    {
        Recipe = "data: {}\n",
        RecipeHash = "abc",
        Method = "simclr",
        Backbone = "resnet18",
        Epochs = 2.5,
        ImageSize = imageSize,
        Mean = [0.4914, 0.4822, 0.4465],
        StandardDeviation = [0.247, 0.2435, 0.2616],
        Version = "1.2.3",
    };

    /// <summary>The file of a network.</summary>
    public static byte[] Bytes(Encoder encoder, OnnxOptions options, ModelCard? card = null)
    {
        using var stream = new MemoryStream();
        new OnnxExporter(options).Write(encoder, card ?? Card(32), stream);
        return stream.ToArray();
    }

    /// <summary>All results, by name.</summary>
    public Dictionary<string, Tensor> Run(Tensor input)
    {
        var shape = input.shape;
        using var flat = input.contiguous();
        var bytes = input.numel() == 0 ? [] : flat.bytes.ToArray();
        using var value = input.dtype == ScalarType.Byte
            ? OrtValue.CreateTensorValueFromMemory(bytes, shape)
            : OrtValue.CreateTensorValueFromMemory(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), shape);
        return Run(_session.InputNames.Single(), value);
    }

    /// <summary>All results for an input that may be any.</summary>
    public Dictionary<string, Tensor> Run(string name, OrtValue value)
    {
        using var options = new RunOptions();
        var names = _session.OutputNames;
        using var results = _session.Run(options, [name], [value], names);
        return names.Zip(results).ToDictionary(
            result => result.First,
            result => tensor(result.Second.GetTensorDataAsSpan<float>().ToArray()).reshape(result.Second.GetTensorTypeAndShape().Shape));
    }

    public void Dispose() => _session.Dispose();

    private static SessionOptions Settings() => new() { IntraOpNumThreads = 1, InterOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
}
