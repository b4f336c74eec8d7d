using System.Globalization;
using System.Runtime.InteropServices;

using SelfSup.Training;

namespace SelfSup.Hosting.Examination;

/// <summary>Says what the machine is.</summary>
internal static class HostFindings
{
    /// <summary>Below it NCCL and MPI fail, or fall back to slower ways: containers often have 64 MB.</summary>
    private const long LeastSharedMemory = 512L << 20;

    private const long LeastMemory = 2L << 30;

    public static FindingGroup Of(HostState host) => new("machine", [.. Findings(host)]);

    private static IEnumerable<Finding> Findings(HostState host)
    {
        yield return Finding.Ok("SelfSup", RunIdentity.Version);
        yield return Finding.Ok(".NET", $"{Environment.Version} ({RuntimeInformation.RuntimeIdentifier})");
        yield return Finding.Ok("system", host.System);
        yield return Finding.Ok("processor", $"{host.Processor}, vectors of {host.VectorBits} bits");
        yield return Cores(host);
        yield return Memory(host);
        if (host.SharedMemory is { } shared)
        {
            yield return shared >= LeastSharedMemory
                ? Finding.Ok("/dev/shm", Size(shared))
                : Finding.Missing(
                    "/dev/shm",
                    $"{Size(shared)}, needed are {Size(LeastSharedMemory)} for several ranks on this machine",
                    "start the container with --shm-size=2g, or mount a larger tmpfs there");
        }

        yield return host.FastPorts.Count > 0
            ? Finding.Ok("InfiniBand", string.Join(", ", host.FastPorts))
            : Finding.Missing("InfiniBand", "no port; several machines speak over TCP, which is slower");
    }

    /// <summary>Open MPI gives each of two ranks one core, on which training and messages then take turns.</summary>
    private static Finding Cores(HostState host) => Finding.Ok(
        "cores",
        host.Cores < host.MachineCores
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"{host.Cores} of the machine's {host.MachineCores}, which this process is bound or limited to (mpirun --bind-to none lets go)")
            : host.Cores.ToString(CultureInfo.InvariantCulture));

    private static Finding Memory(HostState host)
    {
        if (host.Memory is not { } memory)
        {
            return Finding.Ok("memory", "the system does not tell");
        }

        var most = Math.Min(memory, host.MemoryLimit ?? long.MaxValue);
        var text = Size(memory)
            + (host.FreeMemory is { } free ? $", {Size(free)} free" : "")
            + (host.MemoryLimit < memory ? $", of which this process's control group may use {Size(host.MemoryLimit.Value)}" : "");
        return most >= LeastMemory
            ? Finding.Ok("memory", text)
            : Finding.Missing("memory", $"{text}; the smallest recipe needs {Size(LeastMemory)}", "raise the limit of the container or job");
    }

    internal static string Size(long bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.0} GB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0} MB");
}
