using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Distributed;

/// <summary>The binding alone: which libraries are taken, and what is said of those that are not.</summary>
public sealed class NcclTests
{
    [Fact]
    public void ABadCommunicatorIsAnError()
    {
        var fake = FakeNccl.Fresh();
        Assert.Contains(
            "ncclCommGetAsyncError: invalid argument",
            Assert.Throws<CommunicationException>(() => fake.Nccl.IsReady(0, "nothing")).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "ncclAllReduce: invalid argument",
            Assert.Throws<CommunicationException>(() => fake.Nccl.AllReduce(0, 0, 1, Nccl.Float32, Nccl.Sum, 0, 0)).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "ncclCommInitRankConfig: invalid argument",
            Assert.Throws<CommunicationException>(() => fake.Nccl.Join(2, fake.Nccl.CreateId(), rank: 2)).Message,
            StringComparison.Ordinal);
        Assert.Throws<CommunicationException>(() => fake.Nccl.Join(1, Changed(fake.Nccl.CreateId()), rank: 0)); // all its bytes are passed
        Assert.Equal(new Version(2, 27, 5), fake.Nccl.Version);
    }

    [Fact]
    public void ALibraryThatIsNotThereIsNamed()
    {
        Assert.Equal(
            "SELFSUP_NCCL=/nowhere/libnccl.so.2: is no NCCL 2.14 or later (there is no such file); " +
            "name the file, such as libnccl.so.2, or unset it",
            Assert.Throws<CommunicationException>(() => Nccl.Load("/nowhere/libnccl.so.2")).Message);
        Assert.Equal(
            "SELFSUP_CUDART=/nowhere/libcudart.so.12: is no CUDA runtime (there is no such file); " +
            "name the file, such as libcudart.so.12, or unset it",
            Assert.Throws<CommunicationException>(() => CudaRuntime.Load("/nowhere/libcudart.so.12")).Message);
    }

    [Fact]
    public void ALibraryWithoutAFunctionIsNotTaken()
    {
        using var folder = new TemporaryFolder();
        var library = folder.File("libold.so");
        var source = folder.Write("old.c", "int ncclGetVersion(int *v) { *v = 2408; return 0; }\nint ncclGetUniqueId(void *id) { return !id; }\n");
        var reason = FakeNccl.Compile(source, library);
        Assert.SkipWhen(reason is not null, reason ?? "");
        Assert.Null(Nccl.TryLoad(library, out var why));
        Assert.Contains("ncclCommInitRankConfig", why, StringComparison.Ordinal);
        Assert.Null(CudaRuntime.TryLoad(library, out why));
        Assert.Contains("cudaGetDeviceCount", why, StringComparison.Ordinal);
        Assert.Null(Nccl.TryLoad(folder.Write("libtext.so", new string('x', 100_000)), out why));
        Assert.Contains("invalid ELF header", why, StringComparison.Ordinal);
    }

    [Fact]
    public void AMachineWithoutGpusSaysSo()
    {
        var fake = FakeNccl.Fresh(gpus: 0);
        Assert.Equal(
            "cudaGetDeviceCount: no CUDA-capable device is detected", Assert.Throws<CommunicationException>(() => fake.Cuda.Devices).Message);
    }

    [Fact]
    public void ThoseOfAnInstalledPyTorchAreLookedFor()
    {
        using var folder = new TemporaryFolder();
        folder.Write("torch/lib/libcudart-218eec4c.so.12");
        var libtorch = folder.File("torch", "lib");
        Assert.Contains(Path.Combine(libtorch, "libcudart-218eec4c.so.12"), CudaRuntime.Candidates(libtorch));
        Assert.Contains(Path.Combine(libtorch, "../../nvidia/nccl/lib/libnccl.so.2"), Nccl.Candidates(libtorch));
        Assert.Equal("libnccl.so.2", Nccl.Candidates(null).First());
    }

    private static unsafe NcclUniqueId Changed(NcclUniqueId id)
    {
        id.Bytes[NcclUniqueId.Length - 1] ^= 1;
        return id;
    }
}
