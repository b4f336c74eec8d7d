using System.Runtime.InteropServices;

namespace SelfSup.Tensors;

/// <summary>The C library's heap, where tensors of the CPU live.</summary>
internal static partial class NativeHeap
{
    private static readonly bool _isKnown =
        OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out var library)
        && NativeLibrary.TryGetExport(library, "mallinfo2", out _);

    /// <summary>
    /// Bytes in use, and bytes that were freed but are kept for what comes next; null where the C library does not say.
    /// </summary>
    public static (long InUse, long Freed)? Bytes
    {
        get
        {
            if (!_isKnown)
            {
                return null;
            }

            var information = Information();
            return ((long)(information.InUse + information.Mapped), (long)information.Freed);
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "mallinfo2")]
    private static partial HeapInformation Information();

    /// <summary>struct mallinfo2 of glibc's malloc.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct HeapInformation
    {
        private readonly nuint _arena;
        private readonly nuint _freeChunks;
        private readonly nuint _fastChunks;
        private readonly nuint _mappings;

        /// <summary>Bytes of blocks that are mapped on their own.</summary>
        public readonly nuint Mapped;

        private readonly nuint _unused;
        private readonly nuint _fastBytes;

        /// <summary>Bytes of blocks of the heap.</summary>
        public readonly nuint InUse;

        /// <summary>Bytes of the heap that nothing uses.</summary>
        public readonly nuint Freed;

        private readonly nuint _releasable;
    }
}
