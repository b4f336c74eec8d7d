using System.Runtime.InteropServices;

namespace SelfSup.Distributed;

/// <summary>Libraries that are found at run time, and why one is not.</summary>
internal static class RuntimeLibrary
{
    /// <summary>Loads a library of which some functions are needed.</summary>
    /// <typeparam name="T">What binds it.</typeparam>
    /// <param name="path">A file, or a name that the system's loader finds.</param>
    /// <param name="bind">Looks its functions up; lets <see cref="EntryPointNotFoundException"/> through.</param>
    /// <param name="reason">Why it cannot be used.</param>
    /// <returns>The library, or null.</returns>
    public static T? TryLoad<T>(string path, Func<nint, T> bind, out string reason)
        where T : class
    {
        try
        {
            reason = "";
            return bind(NativeLibrary.Load(path));
        }
        catch (DllNotFoundException e)
        {
            // .NET's own message is a page of advice around the loader's line.
            reason = e.Message.Split('\n').Select(line => line.Trim()).FirstOrDefault(line => line.StartsWith(path, StringComparison.Ordinal)) switch
            {
                null => "what it needs is missing",
                var line when line.Contains("cannot open shared object file", StringComparison.Ordinal) => "there is no such file",
                var line => line[path.Length..].TrimStart(':', ' '),
            };
        }
        catch (EntryPointNotFoundException e)
        {
            reason = e.Message.ReplaceLineEndings(" ");
        }
        catch (BadImageFormatException)
        {
            reason = "it is for another kind of processor";
        }

        return null;
    }

    /// <summary>Loads the first of several that can be used.</summary>
    /// <returns>The library, or null, and why each of the others is not used.</returns>
    public static (T? Library, IReadOnlyList<string> Reasons) FirstOf<T>(IEnumerable<string> paths, Func<string, (T? Library, string Reason)> load)
        where T : class
    {
        var reasons = new List<string>();
        foreach (var path in paths)
        {
            var (library, reason) = load(path);
            if (library is not null)
            {
                return (library, reasons);
            }

            reasons.Add($"{path}: {reason}");
        }

        return (null, reasons);
    }
}
