using System.Globalization;

namespace SelfSup.Training;

/// <summary>Looks at processes.</summary>
internal static class ProcessStates
{
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
}
