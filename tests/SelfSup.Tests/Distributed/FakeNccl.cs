using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using SelfSup.Distributed;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distributed;

/// <summary>
/// A library that stands in for NCCL and the CUDA runtime, compiled from <c>fake-nccl.c</c>: ranks are threads, tensors stay on the
/// CPU, and what can go wrong is asked for.
/// </summary>
internal sealed unsafe class FakeNccl
{
    public const string Address = "127.0.0.1";
    public const int Port = 29_511;

    private static readonly Lazy<(FakeNccl? Library, string Reason)> _only = new(Compile);

    private readonly nint _library;

    private FakeNccl(nint library, string path)
    {
        _library = library;
        Nccl = Nccl.TryLoad(path, out var reason) ?? throw new InvalidOperationException(reason);
        Cuda = CudaRuntime.TryLoad(path, out reason, DeviceType.CPU) ?? throw new InvalidOperationException(reason);
    }

    public Nccl Nccl { get; }

    public CudaRuntime Cuda { get; }

    /// <summary>Communicators that were aborted.</summary>
    public int Aborts => ((delegate* unmanaged[Cdecl]<int>)Export("fake_aborts"))();

    /// <summary>Uses that NCCL or CUDA forbid.</summary>
    public int Violations => ((delegate* unmanaged[Cdecl]<int>)Export("fake_violations"))();

    /// <summary>Communicators, streams and events that nobody has given up.</summary>
    public int Alive => ((delegate* unmanaged[Cdecl]<int>)Export("fake_alive"))();

    /// <summary>The error of CUDA that libtorch would find on this thread.</summary>
    public int LastError => ((delegate* unmanaged[Cdecl]<int>)Export("fake_last_error"))();

    /// <summary>Calls in their order.</summary>
    public string Journal => Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<nint>)Export("fake_journal"))())!;

    /// <summary>The library as if nothing had been done; the test is skipped where there is no compiler.</summary>
    public static FakeNccl Fresh(int gpus = 4)
    {
        Assert.SkipWhen(_only.Value.Library is null, _only.Value.Reason);
        var fake = _only.Value.Library!;
        ((delegate* unmanaged[Cdecl]<int, void>)fake.Export("fake_reset"))(gpus);
        return fake;
    }

    /// <summary>Compiles a library.</summary>
    /// <returns>Why it cannot, or null.</returns>
    public static string? Compile(string source, string library)
    {
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("gcc", ["-shared", "-fPIC", "-O1", "-pthread", "-o", library, source])
            {
                RedirectStandardError = true,
            })!;
            var said = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            return compiler.ExitCode == 0 ? null : throw new InvalidOperationException(said);
        }
        catch (Win32Exception)
        {
            return "gcc is not there";
        }
    }

    /// <summary>Asks for something to go wrong.</summary>
    /// <param name="kind">What.</param>
    /// <param name="rank">On which rank.</param>
    /// <param name="call">In which of its operations.</param>
    public void Fault(string kind, int rank = 0, int call = 0)
    {
        var text = Marshal.StringToCoTaskMemUTF8(kind);
        ((delegate* unmanaged[Cdecl]<nint, int, int, void>)Export("fake_fault"))(text, rank, call);
        Marshal.FreeCoTaskMem(text);
    }

    /// <summary>Lets every rank join and do its part at the same time.</summary>
    /// <param name="ranks">How many.</param>
    /// <param name="part">What each does.</param>
    /// <param name="patience">Of joining and of operations, in seconds.</param>
    /// <param name="gpu">The GPU of a rank; the one of its number.</param>
    /// <param name="meeting">How they meet; null for an address.</param>
    /// <returns>What went wrong on each.</returns>
    public Exception?[] Run(
        int ranks,
        Action<NcclCommunicator> part,
        double patience = 60,
        Func<int, int>? gpu = null,
        Func<int, Communicator>? meeting = null)
    {
        var failures = new Exception?[ranks];
        Thread[] threads = [.. Enumerable.Range(0, ranks).Select(rank => new Thread(() =>
        {
            try
            {
                set_num_threads(1);
                using var scope = NewDisposeScope();
                var place = new RankEnvironment(rank, ranks, rank, Launcher.Torch) { MasterAddress = Address, MasterPort = Port };
                using var communicator = NcclCommunicator.Join(
                    Nccl, Cuda, place, gpu?.Invoke(rank) ?? rank, TimeSpan.FromSeconds(patience), TimeSpan.FromSeconds(patience), meeting?.Invoke(rank));
                part(communicator);
            }
            catch (Exception e)
            {
                failures[rank] = e;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return failures;
    }

    private static (FakeNccl?, string) Compile()
    {
        if (!OperatingSystem.IsLinux())
        {
            return (null, "NCCL is for Linux");
        }

        using var folder = new TemporaryFolder();
        var library = folder.File("libfake-nccl.so");
        return Compile(Path.Combine(Here(), "fake-nccl.c"), library) is { } reason
            ? (null, reason)
            : (new FakeNccl(NativeLibrary.Load(library), library), "");
    }

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);
}
