using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

using static TorchSharp.torch;

namespace SelfSup.Tensors;

/// <summary>
/// Runs parts of our own kernels on as many threads as libtorch uses for the calling one, and where it is GNU's OpenMP
/// that libtorch computes with, on its very threads: others would have to wait until those stop spinning for more work.
/// </summary>
internal static unsafe class ComputeThreads
{
    private static readonly delegate* unmanaged[Cdecl]<nint, nint, uint, uint, void> _parallel;
    private static readonly delegate* unmanaged[Cdecl]<int> _number;
    private static readonly delegate* unmanaged[Cdecl]<int> _count;

    static ComputeThreads()
    {
        if (OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libgomp.so.1", out var library)
            && NativeLibrary.TryGetExport(library, "GOMP_parallel", out var parallel)
            && NativeLibrary.TryGetExport(library, "omp_get_thread_num", out var number)
            && NativeLibrary.TryGetExport(library, "omp_get_num_threads", out var count))
        {
            _parallel = (delegate* unmanaged[Cdecl]<nint, nint, uint, uint, void>)parallel;
            _number = (delegate* unmanaged[Cdecl]<int>)number;
            _count = (delegate* unmanaged[Cdecl]<int>)count;
        }
    }

    /// <summary>Does all parts; each thread has neighbouring ones.</summary>
    /// <param name="parts">How many there are.</param>
    /// <param name="work">Does one.</param>
    public static void Run(int parts, Action<int> work)
    {
        var threads = Math.Min(get_num_threads(), parts);
        var job = new Job(parts, work);
        if (threads <= 1)
        {
            job.Run(0, 1);
        }
        else if (_parallel == null)
        {
            Parallel.For(0, threads, thread => job.Run(thread, threads));
        }
        else
        {
            var handle = GCHandle.Alloc(job);
            delegate* unmanaged[Cdecl]<nint, void> entry = &Enter;
            _parallel((nint)entry, GCHandle.ToIntPtr(handle), (uint)threads, 0);
            handle.Free();
            job.Failure?.Throw();
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Enter(nint handle)
    {
        var job = (Job)GCHandle.FromIntPtr(handle).Target!;
        try
        {
            job.Run(_number(), _count()); // it may have got fewer threads than it asked for
        }
        catch (Exception e)
        {
            job.Failure = ExceptionDispatchInfo.Capture(e); // it must not leave managed code
        }
    }

    private sealed class Job(int parts, Action<int> work)
    {
        public ExceptionDispatchInfo? Failure { get; set; }

        public void Run(int thread, int threads)
        {
            var end = (int)((thread + 1L) * parts / threads);
            for (var part = (int)((long)thread * parts / threads); part < end; part++)
            {
                work(part);
            }
        }
    }
}
