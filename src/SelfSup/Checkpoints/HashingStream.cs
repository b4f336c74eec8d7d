using System.IO.Hashing;

namespace SelfSup.Checkpoints;

/// <summary>
/// Passes writes to a file through and takes their checksum, so that a large file is not read again for it. The disk begins
/// to write while more comes.
/// </summary>
internal sealed class HashingStream(FileStream inner, XxHash128 hash) : Stream
{
    private const long DiskPiece = 1L << 24;

    // What was just hashed is still in the processor's cache when it is copied to the kernel.
    private const int Piece = 1 << 19;

    private long _begun;

    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => inner.Length;

    /// <inheritdoc/>
    public override long Position
    {
        get => inner.Position;
        set => throw new NotSupportedException("a checksum needs the bytes in order");
    }

    /// <inheritdoc/>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var piece = buffer[..Math.Min(Piece, buffer.Length)];
            hash.Append(piece);
            inner.Write(piece);
            buffer = buffer[piece.Length..];
            if (inner.Position - _begun >= DiskPiece)
            {
                DurableFile.BeginFlush(inner.SafeFileHandle, _begun, inner.Position - _begun);
                _begun = inner.Position;
            }
        }
    }

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override void Flush() => inner.Flush();

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();
}
