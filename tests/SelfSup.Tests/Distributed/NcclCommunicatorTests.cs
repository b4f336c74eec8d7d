using System.Diagnostics;

using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distributed;

/// <summary>Collectives over a library that stands in for NCCL: what they give, in which order they are asked for, and how they fail.</summary>
public sealed class NcclCommunicatorTests
{
    public static TheoryData<string, int> Contract =>
        [.. from part in CommunicatorContract.Parts.Keys from ranks in new[] { 1, 2, 3 } select (part, ranks)];

    [Theory]
    [MemberData(nameof(Contract))]
    public void TheContractIsKept(string part, int ranks)
    {
        var fake = FakeNccl.Fresh();
        Assert.All(fake.Run(ranks, communicator => CommunicatorContract.Parts[part](communicator, CPU)), Assert.Null);
        Assert.Equal((0, 0, 0), (fake.Violations, fake.Alive, fake.Aborts));
        Assert.Equal(0, fake.LastError);
    }

    [Fact]
    public void AnOperationIsOrderedByEventsAndHoldsNobody()
    {
        var fake = FakeNccl.Fresh();
        Assert.All(
            fake.Run(1, ranks =>
            {
                var tensor = ones(3);
                var before = fake.Journal.Length;
                var pending = ranks.BeginAllReduce(tensor, Reduction.Mean);
                Assert.Equal("record default\nwait own\nncclAllReduce 3\nrecord own\n", fake.Journal[before..]);
                before = fake.Journal.Length;
                pending.Wait();
                Assert.True(fake.Journal[before..] is "wait default\n" or ""); // the latter where it was done already
            }),
            Assert.Null);
    }

    [Fact]
    public void WhatIsDoneNeedsNoOrder()
    {
        var fake = FakeNccl.Fresh();
        Assert.All(
            fake.Run(1, ranks =>
            {
                var pending = ranks.BeginAllReduce(ones(3), Reduction.Sum);
                Until(() => fake.Alive == 3); // a communicator, a stream and an event: that of the operation was given up
                var before = fake.Journal.Length;
                pending.Wait();
                Assert.Equal("", fake.Journal[before..]);
            }),
            Assert.Null);
    }

    [Fact]
    public void ABarrierHoldsTheHostUntilAllIsDone()
    {
        var fake = FakeNccl.Fresh();
        Assert.All(
            fake.Run(2, ranks =>
            {
                var tensor = full(1000, ranks.Rank + 1f);
                var pending = ranks.BeginAllReduce(tensor, Reduction.Sum);
                ranks.Barrier();
                Assert.Equal(0, fake.LastError); // of events that were not done, which libtorch would take for its own
                Assert.Equal(3, tensor[999].item<float>());
                pending.Wait();
            }),
            Assert.Null);
    }

    [Fact]
    public void AnErrorThatNcclReportsLaterIsThrownOnTheRankAndEndsTheOthers()
    {
        var fake = FakeNccl.Fresh();
        fake.Fault("async", rank: 1, call: 1);
        var failures = fake.Run(2, ranks =>
        {
            ranks.AllReduce(ones(2), Reduction.Sum);
            try
            {
                ranks.AllReduce(ones(3), Reduction.Sum);
                Assert.Fail("the reduction was not done");
            }
            catch (CommunicationException e)
            {
                // It is over: every further call says the same.
                Assert.Equal(e.Message, Assert.Throws<CommunicationException>(ranks.Barrier).Message);
                Assert.Equal(e.Message, Assert.Throws<CommunicationException>(() => ranks.BeginAllReduce(ones(1), Reduction.Sum)).Message);
                Assert.Equal(e.Message, Assert.Throws<CommunicationException>(() => ranks.AllGather(ones(0))).Message);
                throw;
            }
        }, patience: 2);

        Assert.StartsWith(
            "rank 1 of 2: ncclAllReduce of 3 Float32: remote process exited or there was a network error (NET/Socket : peer 10.0.0.7 has " +
            "closed the connection); ",
            Failure(failures[1]).Message);
        Assert.EndsWith("start the run again, and it goes on from its last checkpoint", failures[1]!.Message);
        Assert.StartsWith("rank 0 of 2: ncclAllReduce of 3 Float32: is not done after 2 s; ", Failure(failures[0]).Message);
        Assert.Equal((2, 0), (fake.Aborts, fake.Violations));
    }

    [Theory]
    [InlineData("async", "remote process exited", 1)]
    [InlineData("hang", "is not done after 1 s", 1)]
    [InlineData("argument", "ncclAllReduce: invalid argument (run with NCCL_DEBUG=WARN for details) (ncclAllReduce : invalid type 99)", 0)]
    [InlineData("begin", "ncclAllReduce of 5 Float32: has not begun for 1 s", 1)]
    [InlineData("gpu", "cudaEventQuery: an illegal memory access was encountered", 0)]
    public void WhateverGoesWrongIsThrownInTimeAndAborts(string fault, string message, int seconds)
    {
        var fake = FakeNccl.Fresh();
        var watch = new Stopwatch();
        var failures = fake.Run(1, ranks =>
        {
            ranks.Barrier();
            fake.Fault(fault, fault == "gpu" ? -1 : 0, fault == "gpu" ? -1 : 1);
            watch.Start();
            ranks.BeginAllReduce(ones(5), Reduction.Sum).Wait();
            ranks.Barrier(); // where the wait was let through, as on a GPU
        }, patience: 1);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, seconds + 3);
        Assert.Contains(message, Failure(failures[0]).Message, StringComparison.Ordinal);
        Assert.Equal((1, 0), (fake.Aborts, fake.Violations));
    }

    [Fact]
    public void WhoeverDoesNotWaitHearsOfItInTheNextCall()
    {
        var fake = FakeNccl.Fresh();
        fake.Fault("hang");
        var failures = fake.Run(1, ranks =>
        {
            _ = ranks.BeginAllReduce(ones(5), Reduction.Sum);
            Until(() => fake.Aborts == 1);
            ranks.Broadcast(ones(1));
        }, patience: 1);
        Assert.Contains("ncclAllReduce of 5 Float32: is not done after 1 s", Failure(failures[0]).Message, StringComparison.Ordinal);
        Assert.Equal(1, fake.Aborts);
    }

    [Fact]
    public void ARankThatIsGoneEndsAnOperationLongBeforeThePatience()
    {
        var fake = FakeNccl.Fresh();
        fake.Fault("hang");
        var watch = Stopwatch.StartNew();
        var failures = fake.Run(1, ranks =>
        {
            ranks.LookAtRanks = () => throw new CommunicationException("rank 3 on node7: gave no sign for 20 s");
            ranks.AllReduce(ones(5), Reduction.Sum);
        });
        Assert.Contains("rank 0 of 1: rank 3 on node7: gave no sign for 20 s; ", Failure(failures[0]).Message, StringComparison.Ordinal);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.2, 5);
        Assert.Equal(1, fake.Aborts);
    }

    [Fact]
    public void AHostThatIsHeldIsLetGo()
    {
        var fake = FakeNccl.Fresh();
        fake.Fault("hang", call: 1);
        var failures = fake.Run(1, ranks =>
        {
            ranks.Barrier();
            ranks.Barrier();
        }, patience: 1.5);
        Assert.Contains("ncclAllReduce of a barrier: is not done after 1.5 s", Failure(failures[0]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RanksThatCallDifferentThingsAreTold()
    {
        var fake = FakeNccl.Fresh();
        var failures = fake.Run(2, ranks => ranks.AllReduce(ones(2 + ranks.Rank), Reduction.Sum));
        Assert.All(failures, failure => Assert.Contains("invalid usage", Failure(failure).Message, StringComparison.Ordinal));
        Assert.Equal(2, fake.Aborts);
    }

    [Fact]
    public void NoTensorIsLeftBehind()
    {
        var fake = FakeNccl.Fresh();
        GC.Collect(); // what other tests have left
        GC.WaitForPendingFinalizers();
        var before = Tensor.TotalCount;
        Assert.All(
            fake.Run(2, ranks =>
            {
                for (var i = 0; i < 20; i++)
                {
                    using var scope = NewDisposeScope();
                    ranks.AllGather(ones(100)).Dispose();
                    ranks.BeginAllReduce(ones(100, dtype: bfloat16), Reduction.Sum).Wait();
                    _ = ranks.ReduceScatter(ones(100, dtype: bfloat16));
                }

                ranks.Barrier();
            }),
            Assert.Null);
        Assert.InRange(Tensor.TotalCount, 0, before);
    }

    [Fact]
    public void NothingIsAskedOfOneThatHasEnded()
    {
        var fake = FakeNccl.Fresh();
        NcclCommunicator? kept = null;
        Assert.All(fake.Run(1, ranks => kept = ranks), Assert.Null);
        Assert.Throws<ObjectDisposedException>(kept!.Barrier);
        kept.Dispose();
        Assert.Equal((0, 0), (fake.Alive, fake.Violations));
    }

    private static CommunicationException Failure(Exception? failure) => Assert.IsType<CommunicationException>(failure);

    private static void Until(Func<bool> condition) =>
        Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(10)), "it did not come to pass");
}
