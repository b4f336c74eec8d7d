using System.Diagnostics;

namespace SelfSup.IntegrationTests.Support;

/// <summary>A small file system of a test's own: one that is read-only, or full, or vanishes as a network path does.</summary>
internal sealed class TemporaryMount : IDisposable
{
    private bool _isGone;

    private TemporaryMount(string path) => Path = path;

    public string Path { get; }

    /// <summary>Mounts it; the test is skipped where that is not allowed.</summary>
    public static TemporaryMount Create(string path, string options)
    {
        Directory.CreateDirectory(path);
        using var mount = Process.Start("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
        mount.WaitForExit();
        Assert.SkipWhen(mount.ExitCode != 0, "mounting a small tmpfs needs root");
        return new TemporaryMount(path);
    }

    /// <summary>Changes its options as soon as no file in it is open.</summary>
    public void ChangeWhileInUse(string options)
    {
        for (var tries = 0; ; tries++)
        {
            using var remount = Process.Start(new ProcessStartInfo("mount", ["-o", $"remount,{options}", Path]) { RedirectStandardError = true })!;
            remount.WaitForExit();
            if (remount.ExitCode == 0)
            {
                return;
            }

            Assert.True(tries < 1000, $"{Path} is always in use");
        }
    }

    /// <summary>Changes its options.</summary>
    public void Change(string options)
    {
        using var remount = Process.Start("mount", ["-o", $"remount,{options}", Path]);
        remount.WaitForExit();
        Assert.Equal(0, remount.ExitCode);
    }

    /// <summary>Takes it away at once, under those who use it: only what they have open stays, until they close it.</summary>
    public void Vanish()
    {
        using var umount = Process.Start("umount", ["--lazy", Path]);
        umount.WaitForExit();
        Assert.Equal(0, umount.ExitCode);
        _isGone = true;
    }

    public void Dispose()
    {
        if (_isGone)
        {
            return;
        }

        using var umount = Process.Start("umount", [Path]);
        umount.WaitForExit();
    }
}
