using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

using static TorchSharp.torch;

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

    /// <summary>The pieces that fill a contiguous tensor from an offset on.</summary>
    public static IEnumerable<FilePiece> AllOf(Tensor values, long offset)
    {
        var flat = values.reshape(-1);
        var piece = ParallelFileReader.Piece / flat.ElementSize;
        for (long first = 0; first < flat.numel(); first += piece)
        {
            var part = Of(flat.narrow(0, first, Math.Min(piece, flat.numel() - first)).bytes, offset);
            offset += part.Length;
            yield return part;
        }
    }
}
