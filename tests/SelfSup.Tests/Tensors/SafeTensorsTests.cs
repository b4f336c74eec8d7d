using System.Buffers.Binary;
using System.Text;

using SelfSup.Errors;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Tensors;

public sealed class SafeTensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, string> Malformed => new()
    {
        { "nothing", "" },
        { "overlap", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""" },
        { "gap", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""" },
        { "out of bounds", """{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""" },
        { "too short", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" },
        { "shape and offsets", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}""" },
        { "overflow", """{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,12]}}""" },
        { "negative", """{"a":{"dtype":"F32","shape":[-3],"data_offsets":[0,-12]}}""" },
        { "unknown type", """{"a":{"dtype":"F31","shape":[3],"data_offsets":[0,12]}}""" },
        { "duplicate", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "not JSON", """{"a":{"dtype":""" },
        { "a list", "[1,2,3]" },
        { "numbers as text", """{"a":{"dtype":"F32","shape":["3"],"data_offsets":[0,12]}}""" },
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TensorsOfEveryTypeAndLayoutComeBack()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>
        {
            ["float64"] = arange(6, dtype: float64).reshape(2, 3),
            ["float32"] = arange(6, dtype: float32),
            ["float16"] = arange(6, dtype: float16),
            ["bfloat16"] = arange(6, dtype: bfloat16),
            ["int64"] = tensor(long.MinValue),
            ["uint8"] = tensor(new byte[] { 0, 255 }),
            ["bool"] = tensor(new[] { true, false, true }),
            ["empty"] = empty(0, 3),
            ["transposed"] = arange(6, dtype: float32).reshape(2, 3).t(),
            ["part"] = arange(10, dtype: float32).narrow(0, 3, 4),
        };
        var path = _folder.File("all.safetensors");
        using (var file = File.Create(path))
        {
            SafeTensors.Write(file, tensors, new Dictionary<string, string> { ["key"] = "välue \"quoted\"" });
        }

        var read = SafeTensors.Read(path, out var metadata);
        Assert.Equal("välue \"quoted\"", metadata["key"]);
        Assert.Equal(tensors.Keys.Order(), read.Keys.Order());
        foreach (var (name, value) in read)
        {
            Assert.Equal(tensors[name].dtype, value.dtype);
            Assert.Equal(tensors[name].shape, value.shape);
            Assert.True(tensors[name].equal(value).all().item<bool>(), name);
            value.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void AMalformedFileIsRefused(string what, string header)
    {
        var bytes = new byte[8 + Encoding.UTF8.GetByteCount(header) + (what == "too short" ? 4 : 12)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, Encoding.UTF8.GetByteCount(header));
        Encoding.UTF8.GetBytes(header, bytes.AsSpan(8));
        var path = _folder.File("bad.safetensors");
        File.WriteAllBytes(path, bytes);
        var before = Tensor.TotalCount;
        var error = Assert.Throws<CheckpointException>(() => SafeTensors.Read(path, out _));
        Assert.StartsWith(path, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.InRange(Tensor.TotalCount, 0, before); // fewer, where the collector has found older ones
    }

    [Fact]
    public void AGiantHeaderIsRefusedWithoutTakingItsMemory()
    {
        var bytes = new byte[100];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, ulong.MaxValue - 8);
        var path = _folder.File("giant.safetensors");
        File.WriteAllBytes(path, bytes);
        Assert.Throws<CheckpointException>(() => SafeTensors.Read(path, out _));
    }
}
