using Microsoft.ML.OnnxRuntime;

using SelfSup.Export;
using SelfSup.Export.Onnx;
using SelfSup.Models;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Export.Onnx;

/// <summary>Whatever an exported network is asked, it answers or refuses: no crash, no other image's numbers.</summary>
public sealed class OnnxInputTests
{
    public static TheoryData<string, ScalarType> Networks => new()
    {
        { "resnet20", ScalarType.Float32 }, { "group", ScalarType.Float32 }, { "vitTiny", ScalarType.Float32 },
        { "resnet20", ScalarType.Float16 }, { "group", ScalarType.Float16 }, { "vitTiny", ScalarType.Float16 },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void NumbersThatAreNoneStayInTheirImage(string network, ScalarType weights)
    {
        using var scope = NewDisposeScope();
        using var encoder = Create(network);
        using var session = new OnnxSession(encoder, new OnnxOptions { Part = ExportPart.All, L2 = true, Weights = weights });
        var images = Numbers.Normal(6, 3, 32, 32);
        var expected = session.Run(images);
        foreach (var bad in new[] { float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, -float.MaxValue, float.Epsilon, 1e30f })
        {
            var poisoned = images.clone();
            poisoned[2, 1, 7, 9] = bad;
            poisoned[4].fill_(bad);
            foreach (var (name, actual) in session.Run(poisoned))
            {
                foreach (var row in new[] { 0, 1, 3, 5 })
                {
                    Assert.InRange((expected[name][row] - actual[row]).abs().max().ToDouble(), 0, 1e-6);
                }

                Assert.All(actual.reshape(-1).data<float>().ToArray(), value => Assert.False(Math.Abs(value) > 1.001 && float.IsFinite(value)));
            }
        }

        var nan = images.clone();
        nan[3, 0, 0, 0] = float.NaN;
        Assert.True(session.Run(nan)["features"][3].isnan().all().item<bool>(), "a number came of none");
    }

    [Theory]
    [MemberData(nameof(Networks))]
    public void NoImagesGiveNoRows(string network, ScalarType weights)
    {
        using var scope = NewDisposeScope();
        using var encoder = Create(network);
        using var session = new OnnxSession(encoder, new OnnxOptions { Part = ExportPart.All, Weights = weights });
        var results = session.Run(zeros(0, 3, 32, 32));
        Assert.Equal([0L, 12L], results["embeddings"].shape);
        Assert.Equal([0L, encoder.Widths.Judged], results["features"].shape);
    }

    [Theory]
    [InlineData("1, 3, 32, 31")]
    [InlineData("1, 3, 64, 64")]
    [InlineData("1, 1, 32, 32")]
    [InlineData("3, 32, 32")]
    [InlineData("1, 32, 32, 3")]
    [InlineData("3072")]
    [InlineData("1, 3, 0, 32")]
    public void OtherShapesAreRefused(string sizes)
    {
        using var scope = NewDisposeScope();
        long[] shape = [.. sizes.Split(',').Select(long.Parse)];
        foreach (var network in new[] { "resnet20", "vitTiny" })
        {
            using var encoder = Create(network);
            using var session = new OnnxSession(encoder, new OnnxOptions());
            Assert.Contains("images", Assert.Throws<OnnxRuntimeException>(() => session.Run(zeros(shape))).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void OtherTypesAndNamesAreRefused()
    {
        using var scope = NewDisposeScope();
        using var encoder = Create("resnet20");
        using var session = new OnnxSession(encoder, new OnnxOptions());
        long[] shape = [1, 3, 32, 32];
        using var bytes = OrtValue.CreateTensorValueFromMemory(new byte[3072], shape);
        using var doubles = OrtValue.CreateTensorValueFromMemory(new double[3072], shape);
        using var floats = OrtValue.CreateTensorValueFromMemory(new float[3072], shape);
        Assert.Throws<OnnxRuntimeException>(() => session.Run("images", bytes));
        Assert.Throws<OnnxRuntimeException>(() => session.Run("images", doubles));
        Assert.Throws<OnnxRuntimeException>(() => session.Run("picture", floats));
        Assert.Equal([1L, 16L], session.Run("images", floats)["features"].shape);
    }

    /// <summary>Bytes of every value go through the one that is a byte by nature.</summary>
    [Fact]
    public void EveryByteIsTaken()
    {
        using var scope = NewDisposeScope();
        using var encoder = Create("resnet20");
        using var session = new OnnxSession(encoder, new OnnxOptions { Input = OnnxInput.Uint8, L2 = true });
        var pixels = arange(0, 256, dtype: ScalarType.Byte).repeat(12 * 4).reshape(4, 32, 32, 3);
        var features = session.Run(pixels)["features"];
        Assert.True(features.isfinite().all().item<bool>());
        Assert.InRange((features.norm(1, p: 2f) - 1).abs().max().ToDouble(), 0, 1e-6);
    }

    /// <summary>Damaged files, as a service may be given them.</summary>
    [Fact]
    public void DamagedFilesAreRefusedOrRunAndNeverCrash()
    {
        using var scope = NewDisposeScope();
        using var encoder = Create("resnet20");
        var whole = OnnxSession.Bytes(encoder, new OnnxOptions { FoldBatchNorm = true });
        var random = new Random(3);
        var refused = 0;
        for (var i = 0; i < 60; i++)
        {
            var damaged = (byte[])whole.Clone();
            var length = i % 3 == 0 ? random.Next(damaged.Length) : damaged.Length;
            for (var j = 0; j < i % 7; j++)
            {
                damaged[random.Next(Math.Min(damaged.Length, 6000))] = (byte)random.Next(256);
            }

            try
            {
                using var session = new OnnxSession(damaged[..length]);
                session.Run(zeros(1, 3, 32, 32));
            }
            catch (Exception e) when (e is OnnxRuntimeException or InvalidOperationException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 15, 60);
    }

    private static Encoder Create(string network) => OnnxNetworks.Create(network == "vitTiny"
        ? new EncoderOptions { Backbone = network, Vit = new() { Depth = 1, PatchSize = 8, ImageSize = 32 }, Head = new() { Output = 12 } }
        : new EncoderOptions
        {
            Backbone = "resnet20",
            Width = 0.25,
            Norm = network == "group" ? NormKind.Group : NormKind.Batch,
            Head = new() { Output = 12 },
        });
}
