using System.Runtime.InteropServices;

namespace SelfSup.Tensors;

/// <summary>The environment as C libraries read it, which .NET's own <c>SetEnvironmentVariable</c> does not reach.</summary>
internal static partial class NativeEnvironment
{
    /// <summary>Sets a variable for libraries that are loaded later; nothing where there is no such environment.</summary>
    /// <param name="name">The variable.</param>
    /// <param name="value">Its value.</param>
    /// <param name="keepsExisting">Whether a value that the user has set stays.</param>
    public static void Set(string name, string value, bool keepsExisting)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = SetVariable(name, value, keepsExisting ? 0 : 1);
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
