using SelfSup.Training;

namespace SelfSup.Tests.Training;

public sealed class CheckpointRequestTests
{
    [Fact]
    public void HoweverOftenItIsAskedItIsTakenOnce()
    {
        var request = new CheckpointRequest();
        Assert.False(request.Taken(out _));
        request.Ask();
        request.Ask();
        Assert.True(request.Taken(out var signal));
        Assert.Null(signal);
        Assert.False(request.Taken(out _));

        request.Ask("SIGUSR1");
        Assert.True(request.Taken(out signal));
        Assert.Equal("SIGUSR1", signal);
        Assert.False(request.Taken(out _));
    }
}
