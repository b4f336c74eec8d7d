using SelfSup.Telemetry.TensorBoard;
using SelfSup.Telemetry.TensorBoard.Schema;

namespace SelfSup.Tests.Telemetry;

/// <summary>The frames of TensorBoard's records.</summary>
public sealed class EventRecordTests
{
    /// <summary>RFC 3720, appendix B.4, and the check value of the catalogue of CRCs.</summary>
    [Fact]
    public void ChecksumsAreCastagnolis()
    {
        Assert.Equal(0xE3069283u, EventRecord.Crc32C("123456789"u8));
        Assert.Equal(0x8A9136AAu, EventRecord.Crc32C(new byte[32]));
        Assert.Equal(0x62A8AB43u, EventRecord.Crc32C([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46DD794Eu, EventRecord.Crc32C([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0u, EventRecord.Crc32C([]));
    }

    /// <summary>Every file that TensorFlow writes begins with these bytes.</summary>
    [Fact]
    public void AFrameIsTensorFlows()
    {
        var record = EventRecord.Frame(new Event { WallTime = 1_600_000_000, FileVersion = "brain.Event:2" });
        Assert.Equal("1800000000000000A37F4B22", Convert.ToHexString(record[..12]));
        Assert.Equal(24 + EventRecord.FrameBytes, record.Length);
    }

    [Fact]
    public void WhatIsFramedIsReadAgain()
    {
        Event[] events =
        [
            new() { WallTime = 1.5, Step = 7, Summary = new() { Value = { SummaryValues.Scalar("a", 2.5), SummaryValues.Text("b", "# ä") } } },
            new() { WallTime = 2.5, Step = -1, SessionLog = new() { Status = SessionLog.Types.SessionStatus.Start } },
            new() { Step = 8, Summary = new() { Value = { SummaryValues.Image("c", 3, 2, [1, 2, 3]), SummaryValues.Histogram("d", 0, 1, [1, 0, 2]) } } },
        ];
        using var stream = new MemoryStream([.. events.SelectMany(EventRecord.Frame)]);
        foreach (var expected in events)
        {
            Assert.Equal(expected, EventRecord.Read(stream));
        }

        Assert.Null(EventRecord.Read(stream));
    }

    [Fact]
    public void DamageIsTheEnd()
    {
        var record = EventRecord.Frame(new Event { WallTime = 1.5, Step = 7, Summary = new() { Value = { SummaryValues.Scalar("a", 2.5) } } });
        for (var i = 0; i < record.Length; i++)
        {
            var damaged = record.ToArray();
            damaged[i] ^= 0x10;
            Assert.Null(EventRecord.Read(new MemoryStream(damaged)));
            Assert.Null(EventRecord.Read(new MemoryStream(record[..i])));
        }
    }

    [Fact]
    public void HistogramsAreRowsOfEdgesAndCounts()
    {
        var tensor = SummaryValues.Histogram("h", -1, 2, [4, 0, 5]).Tensor;
        Assert.Equal([3L, 3], tensor.TensorShape.Dim.Select(dim => dim.Size));
        Assert.Equal(
            [-1.0, 0, 4, 0, 1, 0, 1, 2, 5],
            System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(tensor.TensorContent.Span).ToArray());
    }

    [Fact]
    public void SettingsKeepTheirKinds()
    {
        var value = SummaryValues.Begin("run", new Dictionary<string, string> { ["a"] = "0.5", ["b"] = "true", ["c"] = "sgd", ["d"] = "NaN" }, 12);
        var start = SelfSup.Telemetry.TensorBoard.Schema.Hparams.HParamsPluginData.Parser.ParseFrom(value.Metadata.PluginData.Content).SessionStartInfo;
        Assert.Equal((0.5, true, "sgd", "NaN"), (start.Hparams["a"].NumberValue, start.Hparams["b"].BoolValue, start.Hparams["c"].StringValue, start.Hparams["d"].StringValue));
    }
}
