using System.Globalization;
using System.Runtime.InteropServices;

using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

using SelfSup.Telemetry.TensorBoard.Schema;
using SelfSup.Telemetry.TensorBoard.Schema.Hparams;

using DataType = SelfSup.Telemetry.TensorBoard.Schema.DataType;

namespace SelfSup.Telemetry.TensorBoard;

/// <summary>
/// Values as TensorBoard's own writers of version 2 make them: a tensor, and whose it is. The content of the plugins' metadata is
/// empty, which is their version 0. Metadata stands at every value, so that any part of the files can be read by itself.
/// </summary>
internal static class SummaryValues
{
    private const string HyperparametersFolder = "_hparams_/";

    /// <summary>A number, of plugin <c>scalars</c>.</summary>
    public static Summary.Types.Value Scalar(string tag, double value) => new()
    {
        Tag = tag,
        Metadata = _scalars,
        Tensor = new TensorProto { Dtype = DataType.DtFloat, TensorShape = _noDimensions, FloatVal = { (float)value } },
    };

    /// <summary>Buckets of equal width, of plugin <c>histograms</c>: [k, 3] of left edge, right edge, count.</summary>
    /// <param name="tag">What is counted.</param>
    /// <param name="least">The left edge of the first bucket.</param>
    /// <param name="most">The right edge of the last one.</param>
    /// <param name="counts">How many are in each.</param>
    public static Summary.Types.Value Histogram(string tag, double least, double most, IReadOnlyList<double> counts)
    {
        var width = (most - least) / counts.Count;
        var rows = new double[3 * counts.Count];
        for (var i = 0; i < counts.Count; i++)
        {
            rows[3 * i] = least + (i * width);
            rows[(3 * i) + 1] = i == counts.Count - 1 ? most : least + ((i + 1) * width);
            rows[(3 * i) + 2] = counts[i];
        }

        return new()
        {
            Tag = tag,
            Metadata = Of("histograms", DataClass.Tensor),
            Tensor = new TensorProto
            {
                Dtype = DataType.DtDouble,
                TensorShape = Shape(counts.Count, 3),
                TensorContent = ByteString.CopyFrom(MemoryMarshal.AsBytes<double>(rows)),
            },
        };
    }

    /// <summary>A PNG, of plugin <c>images</c>.</summary>
    public static Summary.Types.Value Image(string tag, int width, int height, ReadOnlySpan<byte> png) => new()
    {
        Tag = tag,
        Metadata = Of("images", DataClass.BlobSequence),
        Tensor = new TensorProto
        {
            Dtype = DataType.DtString,
            TensorShape = Shape(3),
            StringVal =
            {
                ByteString.CopyFromUtf8(width.ToString(CultureInfo.InvariantCulture)),
                ByteString.CopyFromUtf8(height.ToString(CultureInfo.InvariantCulture)),
                ByteString.CopyFrom(png),
            },
        },
    };

    /// <summary>Markdown, of plugin <c>text</c>.</summary>
    public static Summary.Types.Value Text(string tag, string markdown) => new()
    {
        Tag = tag,
        Metadata = Of("text", DataClass.Tensor),
        Tensor = new TensorProto { Dtype = DataType.DtString, TensorShape = _noDimensions, StringVal = { ByteString.CopyFromUtf8(markdown) } },
    };

    /// <summary>Settings of a run, of plugin <c>hparams</c>: numbers as numbers, so that it can draw axes of them.</summary>
    /// <param name="run">What the run is called.</param>
    /// <param name="settings">Every setting by its path.</param>
    /// <param name="seconds">When it began, since 1970.</param>
    public static Summary.Types.Value Begin(string run, IReadOnlyDictionary<string, string> settings, double seconds)
    {
        var start = new SessionStartInfo { GroupName = run, StartTimeSecs = seconds };
        foreach (var (name, text) in settings)
        {
            start.Hparams.Add(name, text switch
            {
                "true" or "false" => Value.ForBool(text == "true"),
                _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) => Value.ForNumber(number),
                _ => Value.ForString(text),
            });
        }

        return Hyperparameters("session_start_info", new HParamsPluginData { SessionStartInfo = start });
    }

    /// <summary>A run has reached its end.</summary>
    /// <param name="seconds">When, since 1970.</param>
    public static Summary.Types.Value End(double seconds) => Hyperparameters(
        "session_end_info", new HParamsPluginData { SessionEndInfo = new SessionEndInfo { Status = Status.Success, EndTimeSecs = seconds } });

    private static Summary.Types.Value Hyperparameters(string name, HParamsPluginData data) => new()
    {
        Tag = HyperparametersFolder + name,
        Metadata = new() { PluginData = new() { PluginName = "hparams", Content = data.ToByteString() } },
        Tensor = new TensorProto { Dtype = DataType.DtFloat, TensorShape = Shape(0) },
    };

    private static readonly SummaryMetadata _scalars = Of("scalars", DataClass.Scalar);
    private static readonly TensorShapeProto _noDimensions = new();

    private static SummaryMetadata Of(string plugin, DataClass kind) => new() { PluginData = new() { PluginName = plugin }, DataClass = kind };

    private static TensorShapeProto Shape(params ReadOnlySpan<int> sizes)
    {
        var shape = new TensorShapeProto();
        foreach (var size in sizes)
        {
            shape.Dim.Add(new TensorShapeProto.Types.Dim { Size = size });
        }

        return shape;
    }
}
