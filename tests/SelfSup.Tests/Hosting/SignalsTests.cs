using System.Runtime.InteropServices;

using SelfSup.Hosting;

namespace SelfSup.Tests.Hosting;

public sealed class SignalsTests
{
    [Theory]
    [InlineData(137, "SIGKILL")]
    [InlineData(134, "SIGABRT")]
    [InlineData(139, "SIGSEGV")]
    [InlineData(163, "signal 35")]
    [InlineData(5, null)]
    [InlineData(128, null)]
    [InlineData(255, null)]
    public void AnExitCodeNamesTheSignalThatEndedTheProcess(int exitCode, string? name) => Assert.Equal(name, Signals.Name(exitCode));

    [Fact]
    public void SignalsThatStopBecomeExitCodes()
    {
        Assert.Equal(("SIGTERM", 143), (Signals.Stop(PosixSignal.SIGTERM).Name, Signals.Stop(PosixSignal.SIGTERM).ExitCode));
        Assert.Equal(("SIGINT", 130), (Signals.Stop(PosixSignal.SIGINT).Name, Signals.Stop(PosixSignal.SIGINT).ExitCode));
    }
}
