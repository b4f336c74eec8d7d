using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;
using System.Text.Json.Nodes;

using SelfSup.Training;

namespace SelfSup.Tools.Throughput;

/// <summary>What a figure was measured on.</summary>
internal static class Machine
{
    public static JsonObject Describe() => new()
    {
        ["processor"] = RunIdentity.Processor,
        ["cores"] = Environment.ProcessorCount,
        ["vectorBits"] = 8 * Vector<byte>.Count, // of Vector<T>
        ["widestVectorBits"] = Vector512.IsHardwareAccelerated ? 512
            : Vector256.IsHardwareAccelerated ? 256
            : Vector128.IsHardwareAccelerated ? 128 : 0,
    };

    public static JsonObject Versions() => new()
    {
        ["selfsup"] = RunIdentity.Version,
        ["dotnet"] = Environment.Version.ToString(),
    };

    /// <summary>Memory of this process that is in RAM, in megabytes (2^20 bytes): now, and the most so far.</summary>
    public static (double Now, double Peak) ResidentMegabytes()
    {
        using var process = Process.GetCurrentProcess();
        return (Megabytes(process.WorkingSet64), Megabytes(process.PeakWorkingSet64)); // VmRSS and VmHWM
    }

    public static double Megabytes(long bytes) => bytes / (double)(1 << 20);
}
