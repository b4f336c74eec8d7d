using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Distributed;

/// <summary>How ranks find one another and their GPUs, and what is said where they do not.</summary>
public sealed class NcclJoinTests
{
    [Fact]
    public void RanksMeetAtTheAddressOfTheFirst()
    {
        var fake = FakeNccl.Fresh();
        Assert.All(fake.Run(2, ranks => Assert.Equal((2, "NCCL 2.27.5"), (ranks.Ranks, ranks.Engine))), Assert.Null);
        Assert.Equal(["id 127.0.0.1:29511", "id 127.0.0.1:29511"], Ids(fake));
    }

    [Fact]
    public void AnAddressOfIPv6IsBracketed()
    {
        var fake = FakeNccl.Fresh();
        var place = new RankEnvironment(0, 2, 0, Launcher.Torch) { MasterAddress = "fe80::1", MasterPort = 4000 };
        var error = Assert.Throws<CommunicationException>(
            () => NcclCommunicator.Join(fake.Nccl, fake.Cuda, place, 0, TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(60)));
        Assert.Contains("rank 0 of 2: 2 ranks were awaited at [fe80::1]:4000: not all of them came within 0.1 s; ", error.Message, StringComparison.Ordinal);
        Assert.Equal(["id [fe80::1]:4000"], Ids(fake));
        Assert.Equal((1, 0), (fake.Aborts, fake.Alive));
    }

    [Fact]
    public void RanksThatKnowOneAnotherAreToldTheIdOfTheFirst()
    {
        var fake = FakeNccl.Fresh();
        ThreadRanks.Run(3, known =>
        {
            var place = new RankEnvironment(known.Rank, 3, known.Rank, Launcher.OpenMpi);
            using var ranks = NcclCommunicator.Join(fake.Nccl, fake.Cuda, place, known.Rank, TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(60), known);
            var sum = TorchSharp.torch.tensor(ranks.Rank + 1L);
            ranks.AllReduce(sum, Reduction.Sum);
            Assert.Equal(6, sum.item<long>());
        });
        Assert.Single(Ids(fake));
    }

    [Fact]
    public void ARankWithoutAnAddressSaysWhatIsMissing()
    {
        var fake = FakeNccl.Fresh();
        var error = Assert.Throws<CommunicationException>(() => NcclCommunicator.Join(
            fake.Nccl, fake.Cuda, new RankEnvironment(1, 2, 1, Launcher.Slurm), 1, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)));
        Assert.Contains("set MASTER_ADDR to its machine and MASTER_PORT to a free port there", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ARankThatNeverComesEndsTheOthers()
    {
        var fake = FakeNccl.Fresh();
        fake.Fault("join", rank: 1, call: 0);
        var failures = fake.Run(2, _ => Assert.Fail("they have not all come"), patience: 1);
        Assert.All(
            failures,
            failure => Assert.Contains(
                "2 ranks were awaited at 127.0.0.1:29511: not all of them came within 1 s", Failure(failure).Message, StringComparison.Ordinal));
        Assert.Equal((2, 0), (fake.Aborts, fake.Alive));
    }

    [Fact]
    public void WhatNcclSaysOfJoiningIsPassedOn()
    {
        var fake = FakeNccl.Fresh();
        fake.Fault("join error", rank: 0, call: 0);
        var failures = fake.Run(2, _ => Assert.Fail("they have not all come"), patience: 1);
        Assert.Contains(
            "127.0.0.1:29511: ncclCommInitRankConfig: unhandled system error (run with NCCL_DEBUG=INFO for details)",
            Failure(failures[0]).Message,
            StringComparison.Ordinal);
        Assert.Equal(2, fake.Aborts);
    }

    [Fact]
    public void TwoRanksCannotShareAGpu()
    {
        var fake = FakeNccl.Fresh();
        var failures = fake.Run(2, _ => Assert.Fail("they share a GPU"), patience: 1, gpu: _ => 0);
        Assert.All(failures, failure => Assert.Contains("Duplicate GPU detected", Failure(failure).Message, StringComparison.Ordinal));
        Assert.All(failures, failure => Assert.Contains("(this one has GPU 0)", failure!.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void AGpuThatIsNotThereIsAnError()
    {
        var fake = FakeNccl.Fresh(gpus: 1);
        var failures = fake.Run(1, _ => Assert.Fail("there is no such GPU"), gpu: _ => 2);
        Assert.Contains("cudaSetDevice: invalid device ordinal", Failure(failures[0]).Message, StringComparison.Ordinal);
        Assert.Equal(0, fake.Alive);
    }

    [Theory]
    [InlineData(null, 29_400)]
    [InlineData("False", 29_400)]
    [InlineData("True", 29_401)]
    public void ThePortOfTorchrunsAgentIsLeftToIt(string? agent, int port)
    {
        var variables = new Dictionary<string, string>
        {
            ["RANK"] = "1",
            ["WORLD_SIZE"] = "4",
            ["MASTER_ADDR"] = "node1",
            ["MASTER_PORT"] = "29400",
        };
        if (agent is not null)
        {
            variables["TORCHELASTIC_USE_AGENT_STORE"] = agent;
        }

        Assert.Equal(port, RankEnvironment.Of(variables).MasterPort);
    }

    private static CommunicationException Failure(Exception? failure) => Assert.IsType<CommunicationException>(failure);

    private static string[] Ids(FakeNccl fake) =>
        [.. fake.Journal.Split('\n').Where(line => line.StartsWith("id ", StringComparison.Ordinal))];
}
