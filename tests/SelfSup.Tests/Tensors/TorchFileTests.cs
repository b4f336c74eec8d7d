using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.CompilerServices;

using SelfSup.Errors;
using SelfSup.Tensors;
using SelfSup.Tests.Support;
using SelfSup.Tools.Fuzz;

using static TorchSharp.torch;

namespace SelfSup.Tests.Tensors;

/// <summary>What PyTorch saves, read without running anything of it. The files are those of <c>Fixtures/make.py</c>.</summary>
public sealed class TorchFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Containers => ["zip", "legacy"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Containers))]
    public void TensorsComeBackHoweverTheyLieInTheirStorage(string container)
    {
        using var file = TensorFile.Open(Fixture($"views-{container}.pth"));
        using var scope = NewDisposeScope();
        var count = arange(24, dtype: float32);
        var expected = new Dictionary<string, Tensor>
        {
            ["transposed"] = count.reshape(4, 6).t(),
            ["column"] = count.reshape(4, 6).select(1, 2),
            ["part"] = count.narrow(0, 5, 4),
            ["whole"] = count,
            ["channelsLast"] = arange(48, dtype: float32).reshape(2, 3, 4, 2),
            ["scalar"] = tensor(7L),
            ["empty"] = zeros(0, 3),
            ["parameter"] = arange(3, dtype: float64),
            ["half"] = tensor(new[] { 0.5f, -2f }).to(float16),
            ["bfloat16"] = tensor(new[] { 0.5f, -3f }).to(bfloat16),
            ["int32"] = tensor(new[] { 1, -2 }),
            ["int16"] = tensor(new short[] { 3, -4 }),
            ["int8"] = tensor(new sbyte[] { 5, -6 }),
            ["uint8"] = tensor(new byte[] { 7, 255 }),
            ["bool"] = tensor(new[] { true, false, true }),
        };
        Assert.Equal(expected.Keys.Append("expanded").Order(), file.Tensors.Keys.Order());
        foreach (var (name, value) in expected)
        {
            var read = file.Read(name);
            Assert.Equal((value.dtype, name), (read.dtype, name));
            Assert.Equal(value.shape, read.shape);
            Assert.Equal(value.shape, file.Tensors[name].Shape);
            Assert.True(read.is_contiguous(), name);
            Assert.True(value.equal(read).all().item<bool>(), name);
        }

        // It would be as large as it says, whatever is in the file.
        Assert.Contains("'expanded' repeats its 1 values to 5", Assert.Throws<CheckpointException>(() => file.Read("expanded")).Message, StringComparison.Ordinal);
    }

    /// <summary>Beside the weights there are an optimizer, arguments, paths, numbers of numpy and the like.</summary>
    [Theory]
    [InlineData("moco-zip.pth")]
    [InlineData("moco-legacy.pth")]
    [InlineData("moco-protocol4.pth")]
    public void WeightsAmongOtherThings(string name)
    {
        using var file = TensorFile.Open(Fixture(name));
        Assert.Equal(2 * 9, file.Tensors.Count(t => t.Key.StartsWith("state_dict.module.encoder_", StringComparison.Ordinal)));
        Assert.Equal([2L, 3L, 3L, 3L], file.Tensors["state_dict.module.encoder_q.conv1.weight"].Shape);
        Assert.Equal([4L, 8L], file.Tensors["state_dict.module.queue"].Shape);
        Assert.DoesNotContain(file.Tensors.Keys, key => key.StartsWith("optimizer", StringComparison.Ordinal));
        using var best = file.Read("best_acc1");
        Assert.Equal(12.5f, best.item<float>());
        using var query = file.Read("state_dict.module.encoder_q.fc.weight");
        using var key = file.Read("state_dict.module.encoder_k.fc.weight");
        Assert.NotEqual(0, query.abs().sum().item<float>());
        Assert.True(query.equal(key).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(Containers))]
    public void ACommandIsRefusedAndNotRun(string container)
    {
        var path = Fixture($"evil-{container}.pth");
        var before = Directory.GetCurrentDirectory();
        try
        {
            Directory.SetCurrentDirectory(_folder.Path);
            var error = Assert.Throws<CheckpointException>(() => TensorFile.Open(path));
            Assert.StartsWith($"{path}: not a PyTorch file of weights: it names 'posix.system', which is none of the names", error.Message, StringComparison.Ordinal);
            Assert.Contains("nothing of it was run", error.Message, StringComparison.Ordinal);
            Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        }
        finally
        {
            Directory.SetCurrentDirectory(before);
        }
    }

    [Theory]
    [InlineData("torch", "load")]
    [InlineData("builtins", "eval")]
    [InlineData("builtins", "getattr")]
    [InlineData("__builtin__", "exec")]
    [InlineData("torch.hub", "load")]
    [InlineData("torch._utils", "_import_dotted_name")]
    [InlineData("subprocess", "Popen")]
    [InlineData("collections.OrderedDict", "__init__")]
    [InlineData("argparse", "ArgumentParser")]
    public void AnyOtherNameIsRefused(string module, string name) =>
        Assert.Contains($"it names '{module}.{name}', which", Refused([.. Global(module, name), .. "."u8]), StringComparison.Ordinal);

    [Fact]
    public void AWholeModuleIsRefusedByItsName() =>
        Assert.Contains("it names 'torch.nn.modules.linear.Linear'", Assert.Throws<CheckpointException>(() => TensorFile.Open(Fixture("module-zip.pth"))).Message, StringComparison.Ordinal);

    public static TheoryData<string, string, string> Broken => new()
    {
        { "nothing", "", "it ends early" },
        { "nothing but its version", "80 02", "it ends early" },
        { "no end", "80 02 7d", "it ends early" },
        { "an old version", "80 01 7d 2e", "its protocol is 1" },
        { "a future version", "80 06 7d 2e", "its protocol is 6" },
        { "no pickle", "7b 7d", "does not begin as a pickle" },
        { "more than one object", "80 02 7d 7d 2e", "unfinished objects" },
        { "no object", "80 02 2e", "takes more objects than there are" },
        { "an open mark", "80 02 7d 28 2e", "unfinished objects" },
        { "no dictionary", "80 02 5d 2e", "it holds no dictionary of tensors" },
        { "a list appended to nothing", "80 02 65 2e", "takes more objects than there are" },
        { "an object from below a mark", "80 02 7d 28 61 2e", "takes more objects than there are" },
        { "an entry of a number", "80 02 4b 01 4b 02 4b 03 73 2e", "sets entries of what is no dictionary" },
        { "half an entry", "80 02 7d 28 4b 01 75 2e", "sets entries of what is no dictionary" },
        { "a memo that is not there", "80 02 68 05 2e", "refers to an object that it does not have" },
        { "a text that is only claimed", "80 02 58 ff ff ff ff 2e", "it ends early" },
        { "a text longer than any file", "80 02 8d ff ff ff ff ff ff ff 7f 2e", "it ends early" },
        { "a text of a negative length", "80 02 8d ff ff ff ff ff ff ff ff 2e", "it ends early" },
        { "an old text of a negative length", "80 02 54 ff ff ff ff 2e", "it ends early" },
        { "a number of a gigabyte", "80 02 8b 00 00 00 40 2e", "a number in it has 1073741824 bytes" },
        { "a call of a number", "80 02 4b 01 29 52 2e", "calls what cannot be called" },
        { "a state of a number", "80 02 4b 01 7d 62 2e", "gives a state to what has none" },
        { "an instance by name", "80 02 28 69 6f 73 0a 73 79 73 74 65 6d 0a 2e", "the operation 0x69" },
        { "an extension", "80 02 82 01 2e", "the operation 0x82" },
        { "a buffer beside it", "80 05 97 2e", "the operation 0x97" },
        { "a persistent name in text", "80 02 50 61 0a 2e", "the operation 0x50" },
        { "a persistent number", "80 02 4b 01 51 2e", "a storage in it is not described" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void ABrokenPickleIsRefused(string what, string bytes, string said)
    {
        var error = Refused(Convert.FromHexString(bytes.Replace(" ", "", StringComparison.Ordinal)), isWhole: true);
        Assert.True(error.Contains(said, StringComparison.Ordinal), $"{what}: {error}");
        Assert.DoesNotContain('\n', error);
    }

    /// <summary>Nesting costs no stack, and names no more memory than the file is long.</summary>
    [Fact]
    public void DeepAndSharedObjectsAreHarmless()
    {
        // A list in a list in a list ...
        Assert.Contains("no dictionary", Refused([.. Enumerable.Repeat((byte)']', 500_000), .. Enumerable.Repeat((byte)'a', 499_999), .. "."u8]), StringComparison.Ordinal);

        // ... and a dictionary that holds itself, and one that holds the next twice, thirty times.
        byte[] twice = [.. "}q\0X\x01\0\0\0ah\0s"u8];
        for (byte i = 1; i < 30; i++)
        {
            twice = [.. twice, .. "q"u8, i, .. "0}X\x01\0\0\0ah"u8, i, .. "sX\x01\0\0\0bh"u8, i, .. "s"u8];
        }

        var path = Zip([.. Start, .. twice, .. "."u8]);
        using (var file = TensorFile.Open(path))
        {
            Assert.Empty(file.Tensors);
        }

        byte[] longName = [.. "}X"u8, .. BitConverter.GetBytes(2000), .. Enumerable.Repeat((byte)'n', 2000), .. "}s."u8];
        Assert.Contains("names in it are absurdly long", Refused(longName), StringComparison.Ordinal);
    }

    /// <summary>A list that is there once may be made a dictionary of again and again: that is bounded as all else is.</summary>
    [Fact]
    public void AListBecomesADictionaryOnlySoOften()
    {
        byte[] pairs = [.. "(("u8, .. Enumerable.Repeat<byte[]>([.. "X\x01\0\0\0aN"u8, 0x86], 20_000).SelectMany(pair => pair), .. "lt"u8];
        byte[] pickle =
        [
            .. Global("collections", "OrderedDict"), .. "q\0"u8, .. pairs, .. "q\x01"u8,
            .. Enumerable.Repeat("h\0h\x01R0"u8.ToArray(), 2_000).SelectMany(call => call), .. "00}."u8,
        ];
        Assert.Contains("describes more objects than weights need", Refused(pickle), StringComparison.Ordinal);
    }

    /// <summary>Objects of which a file has many in few bytes.</summary>
    [Theory]
    [InlineData('}')]
    [InlineData(']')]
    public void EmptyObjectsTakeLittle(char code)
    {
        const int Objects = 2_000_000;
        var path = Zip([.. Start, .. Enumerable.Repeat((byte)code, Objects), .. "."u8]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("unfinished objects", Assert.Throws<CheckpointException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Objects * 72L);
    }

    /// <summary>PyTorch names the folder within a file after the file, and people name files after the time.</summary>
    [Fact]
    public void AFileNamedAfterTheTimeIsRead()
    {
        var path = Zip(Tensor(0, [4], [1], 4), new byte[16], "run 2023-01-01T12:00:00");
        using var file = TensorFile.Open(path);
        Assert.Equal("x", Assert.Single(file.Tensors).Key);
    }

    [Fact]
    public void TheVersionOfPyTorchMayBeBesideWeights()
    {
        using var file = TensorFile.Open(Zip([.. Start, .. "}X\x01\0\0\0v"u8, .. Global("torch.torch_version", "TorchVersion"), .. "X\x05\0\0\01.13."u8, 0x85, 0x81, .. "s."u8]));
        Assert.Empty(file.Tensors);
    }

    [Fact]
    public async Task APipeIsNoFile()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "named pipes are made by mkfifo");
        var path = _folder.File("pipe");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [path]))
        {
            await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await using var writer = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite); // so that nobody waits for the other end
        var error = Assert.Throws<CheckpointException>(() => TensorFile.Open(path));
        Assert.Equal($"{path}: is a pipe or a device, must be a file, whose parts are read as they are needed; write it to a file first", error.Message);
    }

    [Theory]
    [InlineData("twice", "record 'archive/data/0' is there twice")]
    [InlineData("compressed", "record 'archive/data.pkl' is compressed")]
    [InlineData("path", "a record is named '../evil'")]
    [InlineData("absolute", "a record is named '/evil'")]
    [InlineData("two pickles", "more than one data.pkl")]
    [InlineData("no pickle", "without the data.pkl")]
    [InlineData("big", "byte order is not little-endian")]
    [InlineData("script", "a TorchScript program")]
    public void ContainersThatPyTorchDoesNotWrite(string what, string said)
    {
        var path = _folder.File("x.pth");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            void Add(string name, byte[] bytes, CompressionLevel level = CompressionLevel.NoCompression)
            {
                using var stream = zip.CreateEntry(name, level).Open();
                stream.Write(bytes);
            }

            if (what != "no pickle")
            {
                Add("archive/data.pkl", [.. Start, .. "}."u8, .. new byte[1000]], what == "compressed" ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
            }

            Add("archive/data/0", [1, 2, 3, 4]);
            switch (what)
            {
                case "twice": Add("archive/data/0", [1, 2, 3, 4]); break;
                case "path": Add("../evil", [1]); break;
                case "absolute": Add("/evil", [1]); break;
                case "two pickles": Add("other/data.pkl", [1]); break;
                case "big": Add("archive/byteorder", [.. "big"u8]); break;
                case "script": Add("archive/constants.pkl", [1]); break;
            }
        }

        var message = Assert.Throws<CheckpointException>(() => TensorFile.Open(path)).Message;
        Assert.Contains(said, message, StringComparison.Ordinal);
    }

    /// <summary>Two records that share their bytes, as bombs have it, and one whose length is not there.</summary>
    [Theory]
    [InlineData("overlap")]
    [InlineData("beyond")]
    [InlineData("cut")]
    public void ContainersThatAreDamaged(string what)
    {
        var bytes = File.ReadAllBytes(Fixture("views-zip.pth"));
        var list = LastOf(bytes, 0x02014b50);
        switch (what)
        {
            case "overlap": // the last record of the list begins where one before does
                var offset = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(list + 42));
                BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(list + 42), offset - 64);
                break;
            case "beyond":
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(list + 20), bytes.Length);
                BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(list + 24), bytes.Length);
                break;
            default:
                bytes = bytes[..^200];
                break;
        }

        var path = _folder.Write("x.pth", bytes);
        Assert.StartsWith(
            $"{path}: not a PyTorch file of weights: its zip container is damaged: ",
            Assert.Throws<CheckpointException>(() => TensorFile.Open(path)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Views that reach beyond their storage, storages beyond their record, shapes beyond all numbers.</summary>
    [Theory]
    [InlineData(0, new long[] { 4 }, new long[] { 1 }, 4, null)]
    [InlineData(1, new long[] { 4 }, new long[] { 1 }, 4, "is not within storage '0' of 4 values")]
    [InlineData(0, new long[] { 4 }, new long[] { 2 }, 4, "is not within storage '0' of 4 values")]
    [InlineData(-1, new long[] { 1 }, new long[] { 1 }, 4, "is not within storage")]
    [InlineData(0, new long[] { -4 }, new long[] { 1 }, 4, "is not within storage")]
    [InlineData(0, new long[] { 4 }, new long[] { -1 }, 4, "is not within storage")]
    [InlineData(0, new long[] { 2, 2 }, new long[] { 1 }, 4, "is not within storage")]
    [InlineData(0, new[] { long.MaxValue, long.MaxValue }, new long[] { 0, 0 }, 4, "is not within storage")]
    [InlineData(0, new long[] { 2, 2 }, new[] { long.MaxValue, long.MaxValue }, 4, "is not within storage")]
    [InlineData(0, new long[] { 5 }, new long[] { 1 }, 5, "storage '0' has 16 bytes, fewer than its 5 values need")]
    [InlineData(0, new long[] { 4 }, new long[] { 1 }, long.MaxValue, "storage '0' claims 9223372036854775807 values")]
    [InlineData(0, new long[] { 4 }, new long[] { 1 }, -4, "storage '0' claims -4 values")]
    public void TensorsThatAreNotInTheirStorage(long offset, long[] shape, long[] strides, long count, string? said)
    {
        var path = Zip(Tensor(offset, shape, strides, count), storage: new byte[16]);
        if (said is null)
        {
            using var file = TensorFile.Open(path);
            using var x = file.Read("x");
            Assert.Equal(4, x.numel());
        }
        else
        {
            Assert.Contains(said, Assert.Throws<CheckpointException>(() => TensorFile.Open(path)).Message, StringComparison.Ordinal);
        }
    }

    /// <summary>Some thousand damaged files; <c>tools/fuzz --tensors</c> opens as many as one likes.</summary>
    [Fact]
    public void DamagedFilesAreRefusedOrRead()
    {
        var safe = _folder.File("x.safetensors");
        using (var stream = File.Create(safe))
        {
            using var scope = NewDisposeScope();
            SafeTensors.Write(
                stream,
                new Dictionary<string, Tensor> { ["conv1.weight"] = ones(2, 3), ["bn1.running_mean"] = ones(2, dtype: float16), ["n"] = tensor(5L) },
                new Dictionary<string, string> { ["format"] = "pt" });
        }

        string[] names = [.. Directory.EnumerateFiles(Path.GetDirectoryName(Fixture("x"))!, "*.pth")
            .Where(path => Path.GetFileName(path) is ['m', 'o', 'c', 'o', ..] or ['v', ..]).Order(StringComparer.Ordinal)];
        byte[][] files = [File.ReadAllBytes(safe), .. names.Select(File.ReadAllBytes), File.ReadAllBytes(safe), File.ReadAllBytes(safe)];
        var fuzzer = new TensorFuzzer(files, _folder.Path, (file, name) => file.Read(name).Dispose());
        var opened = 0;
        const int Cases = 5000;
        for (var i = 0; i < Cases; i++)
        {
            var outcome = fuzzer.Run(i % files.Length, i);
            Assert.True(outcome.Failure is null, $"case {i}: {outcome.Failure}");
            opened += outcome.By is null ? 0 : 1;
        }

        Assert.InRange(opened, Cases / 20, Cases * 9 / 10); // damage that is seen, and damage that is not
    }

    private static ReadOnlySpan<byte> Start => [0x80, 2];

    private static string Fixture(string name, [CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "Fixtures", name);

    private static byte[] Global(string module, string name) =>
        [(byte)'c', .. System.Text.Encoding.UTF8.GetBytes(module), (byte)'\n', .. System.Text.Encoding.UTF8.GetBytes(name), (byte)'\n'];

    /// <summary>A dictionary with a tensor <c>x</c>, of a storage of so many values.</summary>
    private static byte[] Tensor(long offset, long[] shape, long[] strides, long count) =>
    [
        .. Start, .. "}X\x01\0\0\0x"u8, .. Global("torch._utils", "_rebuild_tensor_v2"), .. "(("u8, .. "X\x07\0\0\0storage"u8,
        .. Global("torch", "FloatStorage"), .. "X\x01\0\0\00X\x03\0\0\0cpu"u8, .. Number(count), .. "tQ"u8, .. Number(offset),
        .. "("u8, .. shape.SelectMany(Number), .. "t("u8, .. strides.SelectMany(Number), (byte)'t', 0x89, .. "}tRs."u8,
    ];

    private static byte[] Number(long value) => [0x8a, 8, .. BitConverter.GetBytes(value)];

    private static int LastOf(byte[] bytes, uint signature)
    {
        var pattern = BitConverter.GetBytes(signature);
        return bytes.AsSpan().LastIndexOf(pattern);
    }

    private string Refused(byte[] pickle, bool isWhole = false)
    {
        var path = Zip(isWhole ? pickle : [.. Start, .. pickle]);
        return Assert.Throws<CheckpointException>(() => TensorFile.Open(path)).Message;
    }

    private string Zip(byte[] pickle, byte[]? storage = null, string archive = "archive")
    {
        var path = _folder.File("made.pth");
        File.Delete(path);
        using var zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (name, bytes) in new[] { ($"{archive}/data.pkl", pickle), ($"{archive}/data/0", storage ?? []) })
        {
            using var stream = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
            stream.Write(bytes);
        }

        return path;
    }
}
