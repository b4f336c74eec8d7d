using System.Diagnostics;
using System.Globalization;
using System.Text;

using Microsoft.Diagnostics.Runtime;

using SelfSup.Errors;

namespace SelfSup.Cli;

/// <summary>
/// The stacks of the managed threads of another process. .NET cannot look into its own: the process must be held while it is
/// read, as a debugger does it.
/// </summary>
internal static class ManagedStacks
{
    /// <summary>Reads them.</summary>
    /// <exception cref="RecipeException">There is no such process, it is not .NET's, or it must not be looked into.</exception>
    public static string Of(int process)
    {
        if (process == Environment.ProcessId)
        {
            throw new RecipeException($"stacks {process}: is this process itself; name another");
        }

        try
        {
            Process.GetProcessById(process).Dispose();
        }
        catch (ArgumentException)
        {
            throw new RecipeException($"stacks {process}: there is no such process; name one, as in RUN/run.holder");
        }

        try
        {
            using var target = DataTarget.AttachToProcess(process, suspend: true);
            if (target.ClrVersions is not [var version, ..])
            {
                throw new RecipeException($"stacks {process}: is not a .NET process; name one, as in RUN/run.holder");
            }

            using var runtime = version.CreateRuntime();
            return Text(process, version, runtime);
        }
        catch (Exception e) when (e is ClrDiagnosticsException or ArgumentException or InvalidOperationException or IOException or PlatformNotSupportedException or UnauthorizedAccessException)
        {
            throw new RecipeException($"stacks {process}: cannot be looked into ({e.Message.ReplaceLineEndings(" ")}); {Remedy()}");
        }
    }

    private static string Text(int process, ClrInfo version, ClrRuntime runtime)
    {
        var text = new StringBuilder();
        ClrThread[] threads = [.. runtime.Threads.Where(thread => thread.IsAlive)];
        var invariant = CultureInfo.InvariantCulture;
        // Linux's libraries say no version; their folder is called by it.
        var folder = Path.GetFileName(Path.GetDirectoryName(version.ModuleInfo.FileName));
        text.Append(invariant, $"process {process}, .NET {folder}, {TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm:ss}Z, {threads.Length} managed threads\n");
        foreach (var thread in threads)
        {
            var where = thread.GCMode == GCMode.Preemptive ? "waits or is in native code" : "is in managed code";
            text.Append(invariant, $"\nthread {thread.ManagedThreadId}{Name(process, thread.OSThreadId)}, system thread {thread.OSThreadId}, {where}\n");
            foreach (var frame in thread.EnumerateStackTrace().Where(frame => frame.Method?.Signature is not null))
            {
                text.Append(invariant, $"   at {frame.Method!.Signature}\n");
            }
        }

        return text.ToString();
    }

    /// <summary>The name that Linux knows of a thread, its first 15 letters.</summary>
    private static string Name(int process, uint thread)
    {
        try
        {
            return $" \"{File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/task/{thread}/comm")).Trim()}\"";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string Remedy()
    {
        const string Yama = "/proc/sys/kernel/yama/ptrace_scope";
        try
        {
            if (File.Exists(Yama) && File.ReadAllText(Yama).Trim() is var scope and not "0")
            {
                return $"be root, or set {Yama} to 0 (it is {scope})";
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then it cannot be said.
        }

        return "be the user that the process belongs to, or root";
    }
}
