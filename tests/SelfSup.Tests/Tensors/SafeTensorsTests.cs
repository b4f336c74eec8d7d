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
        { "does not begin with a brace", """ {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "a byte order mark", "\uFEFF{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}" },
        { "half a surrogate", """{"\ud800":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "duplicate in the metadata", """{"__metadata__":{"k":"1","k":"2"},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "duplicate by escape", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"\u0061":{"dtype":"F32","shape":[0],"data_offsets":[12,12]}}""" },
        { "duplicate within a tensor", """{"a":{"dtype":"F32","dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "metadata that is no text", """{"__metadata__":{"k":1},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "metadata that is null", """{"__metadata__":{"k":null},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "metadata that is a list", """{"__metadata__":["k"],"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "nested", """{"__metadata__":{"k":[[[[[[1]]]]]]},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""" },
        { "a negative size twice", """{"a":{"dtype":"F32","shape":[-1,-3],"data_offsets":[0,12]}}""" },
        { "overflow to the right number", """{"a":{"dtype":"F32","shape":[6148914691236517206,3],"data_offsets":[0,12]}}""" },
        { "overflow beside a zero", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[12,12]}}""" },
        { "an offset beyond all numbers", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,99999999999999999999]}}""" },
        { "an offset with a fraction", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12.5]}}""" },
        { "offsets the other way", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[12,0]}}""" },
        { "three offsets", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12,12]}}""" },
        { "no shape", """{"a":{"dtype":"F32","data_offsets":[0,12]}}""" },
        { "a type that is no text", """{"a":{"dtype":32,"shape":[3],"data_offsets":[0,12]}}""" },
        { "something behind it", """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}} {}""" },
        { "bytes that nobody has", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""" },
        { "too many dimensions", $$$"""{"a":{"dtype":"F32","shape":[{{{string.Join(',', Enumerable.Repeat("1", 65))}}},3],"data_offsets":[0,12]}}""" },
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

    [Fact]
    public void AHeaderThatIsNoTextIsRefused()
    {
        byte[] header = [.. "{\""u8, 0xC3, 0x28, .. "\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}"u8];
        var path = _folder.Write("latin.safetensors", [(byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. header]);
        Assert.Contains("its header is not UTF-8", Assert.Throws<CheckpointException>(() => SafeTensors.Read(path, out _)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("F8_E4M3")]
    [InlineData("F8_E5M2")]
    [InlineData("U16")]
    [InlineData("U32")]
    [InlineData("U64")]
    [InlineData("C64")]
    public void ATypeThatIsNotReadIsNamed(string type)
    {
        var header = Encoding.UTF8.GetBytes($$$"""{"x":{"dtype":"{{{type}}}","shape":[0],"data_offsets":[0,0]}}""");
        var path = _folder.Write("type.safetensors", [(byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. header]);
        var message = Assert.Throws<CheckpointException>(() => SafeTensors.Read(path, out _)).Message;
        Assert.StartsWith($"{path}: 'x' has element type '{type}', which is not supported, must be one of F64, F32, ", message, StringComparison.Ordinal);
        Assert.EndsWith("; convert the file where it was made", message, StringComparison.Ordinal);
    }

    /// <summary>A hundred megabytes are allowed, if they are there.</summary>
    [Theory]
    [InlineData(100_000_000, "100000000 bytes, 92 follow")]
    [InlineData(100_000_001, "100000001 bytes, at most 100000000 are allowed")]
    [InlineData(-1, "18446744073709551615 bytes, at most")]
    [InlineData(93, "93 bytes, 92 follow")]
    public void AHeaderThatIsOnlyClaimedTakesNoMemory(long claimed, string said)
    {
        var bytes = new byte[100];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, claimed);
        bytes[8] = (byte)'{';
        var path = _folder.Write("claimed.safetensors", bytes);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.Throws<CheckpointException>(() => SafeTensors.Read(path, out _));
        Assert.Contains($"its header claims {said}", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
    }

    [Fact]
    public void PaddingAndUnknownFieldsAreAllowed()
    {
        var header = Encoding.UTF8.GetBytes("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"note":"?"}}   """);
        var path = _folder.Write("padded.safetensors", [(byte)header.Length, 0, 0, 0, 0, 0, 0, 0, .. header, 0, 0, 128, 63]);
        using var file = TensorFile.Open(path);
        using var value = file.Read("x");
        Assert.Equal([1f], value.data<float>().ToArray());
    }

    [Theory]
    [InlineData("float16", 1e-3)]
    [InlineData("bfloat16", 8e-3)]
    [InlineData("float32", 0)]
    public void FloatingPointValuesAreConvertedAndCountersAreNot(string type, double error)
    {
        using var scope = NewDisposeScope();
        var (floats, bytes) = type switch
        {
            "float16" => (ScalarType.Float16, 2),
            "bfloat16" => (ScalarType.BFloat16, 2),
            _ => (ScalarType.Float32, 4),
        };
        // More than one piece is converted at a time, in the order of the values and not of the memory.
        var large = Numbers.Normal(1200, 1000).t();
        var tensors = new Dictionary<string, Tensor> { ["a"] = large, ["count"] = tensor(long.MaxValue), ["half"] = ones(3, dtype: float16) };
        var path = _folder.File("converted.safetensors");
        using (var file = File.Create(path))
        {
            SafeTensors.Write(file, tensors, floats: floats);
        }

        Assert.InRange(new FileInfo(path).Length, (large.numel() * bytes) + 8, (large.numel() * bytes) + 400);
        var read = SafeTensors.Read(path, out _);
        Assert.Equal([floats, floats, ScalarType.Int64], new[] { read["a"].dtype, read["half"].dtype, read["count"].dtype });
        Assert.Equal(long.MaxValue, read["count"].item<long>());
        Assert.InRange(((read["a"].to(float32) - large).abs() / large.abs().clamp(min: 1)).max().item<float>(), 0, error);
    }

    [Fact]
    public void AValueThatATypeCannotHoldIsSaid()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor> { ["bn1.running_var"] = tensor(new[] { 1f, 70000f, float.NaN, float.NegativeInfinity }) };
        var error = Assert.Throws<RecipeException>(() => SafeTensors.Write(Stream.Null, tensors, floats: ScalarType.Float16));
        Assert.Equal("bn1.running_var: has values to 7E+04, more than float16 can hold; write bfloat16 or float32", error.Message);
        SafeTensors.Write(Stream.Null, tensors, floats: ScalarType.BFloat16);
        tensors["bn1.running_var"] = tensor(new[] { 1f, float.PositiveInfinity });
        SafeTensors.Write(Stream.Null, tensors, floats: ScalarType.Float16); // as it was
    }

    /// <summary>What is read is one tensor, whatever else is in the file.</summary>
    [Fact]
    public void OneTensorOfAFileIsRead()
    {
        using var scope = NewDisposeScope();
        var path = _folder.File("some.safetensors");
        using (var file = File.Create(path))
        {
            SafeTensors.Write(
                file,
                new Dictionary<string, Tensor> { ["a"] = zeros(4000), ["b"] = arange(6).reshape(2, 3), ["c"] = ones(5, dtype: bfloat16) },
                new Dictionary<string, string> { ["k"] = "v" });
        }

        using var open = TensorFile.Open(path);
        Assert.Equal("v", open.Metadata["k"]);
        Assert.Equal(["a", "b", "c"], open.Tensors.Keys.Order());
        Assert.Equal([2L, 3L], open.Tensors["b"].Shape);
        Assert.Equal(Enumerable.Range(0, 6).Select(i => (long)i), open.Read("b").data<long>().ToArray());
        Assert.Equal(ScalarType.BFloat16, open.Read("c").dtype);
    }
}
