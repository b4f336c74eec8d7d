using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distributed;

/// <summary>NCCL itself, where a GPU is: the contract on one rank, and the error paths of the binding.</summary>
public sealed class CudaContractTests
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Parts => [.. CommunicatorContract.Parts.Keys];

    [Theory]
    [MemberData(nameof(Parts))]
    public void OneRankKeepsIt(string part)
    {
        var (nccl, cuda) = Libraries();
        using var scope = NewDisposeScope();
        using var ranks = NcclCommunicator.Join(nccl, cuda, RankEnvironment.Alone, 0, _patience, _patience);
        CommunicatorContract.Parts[part](ranks, new Device(DeviceType.CUDA, 0));
        ranks.Barrier();
    }

    [Fact]
    public void NcclSaysWhatIsWrong()
    {
        var (nccl, cuda) = Libraries();
        cuda.Use(0);
        Assert.Throws<CommunicationException>(() => nccl.IsReady(0, "nothing"));
        Assert.Throws<CommunicationException>(() => nccl.AllReduce(0, 0, 1, Nccl.Float32, Nccl.Sum, 0, 0));
        Assert.Throws<CommunicationException>(() => nccl.Join(1, nccl.CreateId(), rank: 1));
    }

    [Fact]
    public void ARankThatIsAloneAmongTwoIsAbortedInTime()
    {
        var (nccl, cuda) = Libraries();
        var place = new RankEnvironment(0, 2, 0, Launcher.Torch) { MasterAddress = "127.0.0.1", MasterPort = 29_517 };
        Assert.Contains(
            "2 ranks were awaited at 127.0.0.1:29517",
            Assert.Throws<CommunicationException>(() => NcclCommunicator.Join(nccl, cuda, place, 0, TimeSpan.FromSeconds(2), _patience)).Message,
            StringComparison.Ordinal);
    }

    private static (Nccl, CudaRuntime) Libraries()
    {
        Assert.SkipUnless(cuda.is_available(), "no GPU, or a libtorch without CUDA");
        var libtorch = Environment.GetEnvironmentVariable("SELFSUP_LIBTORCH");
        try
        {
            return (Nccl.Load(Environment.GetEnvironmentVariable(Nccl.Variable), libtorch),
                CudaRuntime.Load(Environment.GetEnvironmentVariable(CudaRuntime.Variable), libtorch));
        }
        catch (CommunicationException e)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }
}
