using SelfSup.Distributed;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distributed;

/// <summary>What lives as long as an operation.</summary>
public sealed class NcclOperationTests
{
    [Fact]
    public void TensorsAndTheEventAreGivenUpWhenItIsDoneAndNotBefore()
    {
        var cuda = FakeNccl.Fresh().Cuda;
        var (stream, other) = (cuda.CreateStream(), cuda.CreateEvent());
        var fake = FakeNccl.Fresh(); // counts from here
        for (var i = 0; i < 200; i++)
        {
            cuda.Record(other, stream); // what is in the stream before it
        }

        var kept = ones(10).DetachFromDisposeScope();
        var operation = new NcclOperation(cuda, "nothing", kept);
        operation.End(stream);
        Assert.False(operation.IsDone());
        Assert.False(kept.IsInvalid);
        Assert.Equal(1, fake.Alive);

        operation.LetWait(CudaRuntime.DefaultStream); // which is the host here: it is done when this returns
        Assert.True(operation.IsDone());
        Assert.True(kept.IsInvalid);
        Assert.Equal(0, fake.Alive);
        operation.LetWait(CudaRuntime.DefaultStream);
        Assert.True(operation.IsDone());
        cuda.DestroyStream(stream);
    }
}
