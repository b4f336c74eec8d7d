using System.Runtime.CompilerServices;

using SelfSup.Distributed;
using SelfSup.Telemetry;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Distributed;

/// <summary>Over a library in C that stands in for the driver's.</summary>
public sealed class NvmlTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void AGpuSaysHowBusyItIs()
    {
        var library = Path.Combine(_folder.Path, "libfake-nvml.so");
        var reason = FakeNccl.Compile(Source(), library);
        Assert.SkipWhen(reason is not null, reason ?? "");

        const long Gigabyte = 1L << 30;
        Assert.Equal(new GpuReading("GPU-5d1f", "NVIDIA H100", 0.5, 20 * Gigabyte, 80 * Gigabyte), Nvml.Reader("0000:65:00.0", library)!());
        Assert.Null(Nvml.Reader("0000:66:00.0", library)!()!.Utilization);
        Assert.Null(Nvml.Reader("0000:67:00.0", library));
    }

    [Fact]
    public void WithoutADriverThereIsNothingToRead()
    {
        Assert.Null(Nvml.Reader("0000:65:00.0", "libno-such-library.so.1"));
        Assert.Null(Nvml.Reader("0000:65:00.0", "libc.so.6")); // has none of the functions
    }

    private static string Source([CallerFilePath] string here = "") => Path.Combine(Path.GetDirectoryName(here)!, "fake-nvml.c");
}
