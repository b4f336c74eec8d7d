using System.IO.Hashing;

using Microsoft.Win32.SafeHandles;

namespace SelfSup.Tensors;

/// <summary>
/// Reads a file into memory with several reads at once, which disks and networks answer two or three times as fast as one
/// after the other, and takes its checksum in order beside them.
/// </summary>
internal static class ParallelFileReader
{
    /// <summary>Bytes of a piece at most.</summary>
    public const int Piece = 1 << 22;

    private const int Readers = 4;

    /// <summary>Reads pieces, in the order of the file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="pieces">What is read where to.</param>
    /// <param name="checksum">Is given all bytes in order, or null.</param>
    /// <exception cref="IOException">The file cannot be read, or is shorter than it was.</exception>
    public static void Read(SafeFileHandle file, IReadOnlyList<FilePiece> pieces, XxHash128? checksum)
    {
        if (pieces.Sum(piece => (long)piece.Length) <= Piece)
        {
            foreach (var piece in pieces)
            {
                Read(file, piece);
                checksum?.Append(piece.Bytes);
            }

            return;
        }

        var progress = new Progress(pieces.Count);
        Thread[] threads = [.. Enumerable.Range(0, Readers).Select(number => new Thread(() => Work(file, pieces, progress))
        {
            IsBackground = true,
            Name = $"reader {number}",
        })];
        Array.ForEach(threads, thread => thread.Start());
        for (var i = 0; i < pieces.Count && progress.WaitFor(i); i++)
        {
            checksum?.Append(pieces[i].Bytes);
        }

        Array.ForEach(threads, thread => thread.Join()); // nobody may write into the memory any more
        progress.ThrowIfFailed();
    }

    private static void Work(SafeFileHandle file, IReadOnlyList<FilePiece> pieces, Progress progress)
    {
        try
        {
            while (progress.Next() is { } next)
            {
                Read(file, pieces[next]);
                progress.Finish(next);
            }
        }
        catch (Exception e)
        {
            progress.Fail(e);
        }
    }

    private static void Read(SafeFileHandle file, FilePiece piece)
    {
        var bytes = piece.Bytes;
        var at = piece.Offset;
        while (bytes.Length > 0)
        {
            var count = RandomAccess.Read(file, bytes, at);
            if (count == 0)
            {
                throw new EndOfStreamException("the file shrank while it was read");
            }

            bytes = bytes[count..];
            at += count;
        }
    }

    /// <summary>Which pieces are there.</summary>
    private sealed class Progress(int count)
    {
        private readonly object _gate = new();
        private readonly bool[] _finished = new bool[count];
        private int _next;
        private Exception? _failure;

        /// <summary>The next piece that nobody reads, or null.</summary>
        public int? Next()
        {
            lock (_gate)
            {
                return _failure is null && _next < count ? _next++ : null;
            }
        }

        public void Finish(int piece)
        {
            lock (_gate)
            {
                _finished[piece] = true;
                Monitor.PulseAll(_gate);
            }
        }

        public void Fail(Exception failure)
        {
            lock (_gate)
            {
                _failure ??= failure;
                Monitor.PulseAll(_gate);
            }
        }

        /// <summary>Waits for a piece.</summary>
        /// <returns>Whether it is there; false where reading has failed.</returns>
        public bool WaitFor(int piece)
        {
            lock (_gate)
            {
                while (!_finished[piece] && _failure is null)
                {
                    Monitor.Wait(_gate);
                }

                return _finished[piece];
            }
        }

        public void ThrowIfFailed()
        {
            if (_failure is not null)
            {
                throw new IOException(_failure.Message, _failure);
            }
        }
    }
}
