using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

using SelfSup.Training;

namespace SelfSup.Hosting.Examination;

/// <summary>Reads what the system says of a machine.</summary>
/// <param name="root"><c>/</c>, or a folder that has the system's files for a test.</param>
internal sealed class HostSearch(string root)
{
    /// <summary>The machine without its libraries.</summary>
    public HostState Host() => new()
    {
        System = $"{OperatingName()}, kernel {Environment.OSVersion.Version}",
        Processor = RunIdentity.Processor,
        Cores = Environment.ProcessorCount,
        MachineCores = Lines("proc/cpuinfo").Count(line => line.StartsWith("processor", StringComparison.Ordinal)) is > 0 and var cores ? cores : null,
        VectorBits = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128,
        Memory = Kilobytes("MemTotal:"),
        FreeMemory = Kilobytes("MemAvailable:"),
        MemoryLimit = MemoryLimit(),
        SharedMemory = SharedMemory(),
        FastPorts = [.. FastPorts()],
    };

    /// <summary><c>/dev/nvidia0</c> and so on.</summary>
    public IReadOnlyList<string> NvidiaDevices() => Directory.Exists(At("dev"))
        ? [.. Directory.EnumerateFiles(At("dev"), "nvidia*")
            .Select(file => Path.GetFileName(file))
            .Where(name => name["nvidia".Length..] is { Length: > 0 } number && number.All(char.IsAsciiDigit))
            .OrderBy(name => name.Length).ThenBy(name => name, StringComparer.Ordinal)
            .Select(name => "/dev/" + name)]
        : [];

    /// <summary>Version of NVIDIA's kernel driver; null where it is not loaded.</summary>
    public string? NvidiaDriver() =>
        // NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu Jan ...
        Lines("proc/driver/nvidia/version").FirstOrDefault(line => line.StartsWith("NVRM", StringComparison.Ordinal))?
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).FirstOrDefault(word => Version.TryParse(word, out _));

    /// <summary>The least of the limits on the control groups above a process, of both kinds of hierarchy.</summary>
    internal long? MemoryLimit()
    {
        var limits =
            from line in Lines("proc/self/cgroup")
            let parts = line.Split(':', 3)
            where parts.Length == 3 && (parts[1].Length == 0 || parts[1].Split(',').Contains("memory"))
            let isSecond = parts[1].Length == 0
            from file in UpFrom(isSecond ? "sys/fs/cgroup" : "sys/fs/cgroup/memory", parts[2], isSecond ? "memory.max" : "memory.limit_in_bytes")
            from text in Lines(file).Take(1)
            where long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _) // else it is "max"
            select long.Parse(text, CultureInfo.InvariantCulture);
        long[] all = [.. limits];
        return all.Length > 0 && all.Min() < long.MaxValue / 2 ? all.Min() : null; // the first kind says a huge number for none
    }

    /// <summary>A file in a folder and in those above it.</summary>
    private static IEnumerable<string> UpFrom(string mount, string group, string file)
    {
        for (var path = group.Trim('/'); ; path = Path.GetDirectoryName(path) ?? "")
        {
            yield return Path.Combine(mount, path, file);
            if (path.Length == 0)
            {
                yield break;
            }
        }
    }

    private string OperatingName() => Lines("etc/os-release")
        .FirstOrDefault(line => line.StartsWith("PRETTY_NAME=", StringComparison.Ordinal))?["PRETTY_NAME=".Length..].Trim('"')
        ?? RuntimeInformation.RuntimeIdentifier;

    private long? Kilobytes(string key) =>
        Lines("proc/meminfo").FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) is { } line
            && long.TryParse(line[key.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture, out var kilobytes)
            ? kilobytes << 10
            : null;

    private long? SharedMemory()
    {
        try
        {
            return Directory.Exists(At("dev/shm")) ? new DriveInfo(At("dev/shm")).TotalSize : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private IEnumerable<string> FastPorts()
    {
        if (!Directory.Exists(At("sys/class/infiniband")))
        {
            yield break;
        }

        foreach (var device in Directory.EnumerateFileSystemEntries(At("sys/class/infiniband")).Order(StringComparer.Ordinal))
        {
            var ports = Path.Combine(device, "ports");
            foreach (var port in Directory.Exists(ports) ? Directory.GetFileSystemEntries(ports).Order(StringComparer.Ordinal) : Enumerable.Empty<string>())
            {
                var rate = Lines(Path.Combine(port, "rate")).FirstOrDefault()?.Trim();
                var state = Lines(Path.Combine(port, "state")).FirstOrDefault()?.Trim();
                yield return $"{Path.GetFileName(device)} {rate}{(state?.Contains("ACTIVE", StringComparison.Ordinal) == false ? $" ({state})" : "")}";
            }
        }
    }

    private string At(string path) => Path.Combine(root, path);

    private string[] Lines(string path)
    {
        try
        {
            return File.Exists(At(path)) ? File.ReadAllLines(At(path)) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
