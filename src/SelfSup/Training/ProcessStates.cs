using System.Globalization;

namespace SelfSup.Training;

/// <summary>Looks at processes.</summary>
internal static class ProcessStates
{
    /// <summary>
    /// What tells this machine, as it is since it was started, and the processes that are seen here, from others: names of machines
    /// may be given twice, and containers of one machine see different processes. Null where the system does not tell.
    /// </summary>
    public static string? View { get; } = ViewOfProcesses();

    /// <summary>The state of a process of this machine.</summary>
    public static ProcessState Of(int process)
    {
        if (!OperatingSystem.IsLinux())
        {
            return ProcessState.Unknown;
        }

        try
        {
            // "4711 (name, which may hold blanks and brackets) S ..."
            var text = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat"));
            return text[(text.LastIndexOf(')') + 2)..][0] switch
            {
                'Z' or 'X' or 'x' => ProcessState.Gone,
                'T' or 't' => ProcessState.Stopped,
                _ => ProcessState.Lives,
            };
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return ProcessState.Gone;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ProcessState.Unknown;
        }
    }

    private static string? ViewOfProcesses()
    {
        try
        {
            return OperatingSystem.IsLinux()
                ? $"{File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim()} {File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name}"
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
