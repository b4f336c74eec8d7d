using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace SelfSup.Tensors;

/// <summary>A piece of a file and the native memory that it is read into, which stays where it is as long as its tensor lives.</summary>
/// <param name="Address">The memory.</param>
/// <param name="Length">Its length, and the piece's.</param>
/// <param name="Offset">Where the piece lies in the file.</param>
internal readonly record struct FilePiece(nint Address, int Length, long Offset)
{
    /// <summary>The memory.</summary>
    public unsafe Span<byte> Bytes => new((void*)Address, Length);

    /// <summary>A piece for a tensor's memory.</summary>
    public static unsafe FilePiece Of(Span<byte> memory, long offset) =>
        new((nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(memory)), memory.Length, offset);
}
