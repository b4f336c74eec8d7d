using System.Runtime.ExceptionServices;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// What many files were when they were first seen, in 16 bytes for each. Several threads may use it at once.
/// </summary>
/// <param name="count">How many files there are.</param>
/// <param name="paths">Where each is.</param>
internal sealed class FileStamps(int count, Func<int, string> paths)
{
    /// <summary>Over a network every look is a wait, and servers answer many at a time.</summary>
    private const int MostThreads = 32;

    private const int FilesPerThread = 1000;
    private const int Chunk = 64;

    // One more than the length, which is written last: 0 where the file has not been seen.
    private readonly long[] _lengths = new long[count];
    private readonly long[] _written = new long[count];

    /// <summary>What is known of a file; null where it has not been seen.</summary>
    public FileStamp? this[int index] =>
        Volatile.Read(ref _lengths[index]) is > 0 and var length ? new FileStamp(length - 1, _written[index]) : null;

    /// <summary>Notes a file that has not been seen before.</summary>
    public void Note(int index, FileStamp stamp)
    {
        _written[index] = stamp.Written;
        Volatile.Write(ref _lengths[index], stamp.Length + 1);
    }

    /// <summary>Looks at all files that have not been seen, without opening them.</summary>
    /// <exception cref="DataException">One of them cannot be looked at.</exception>
    public void Complete()
    {
        var next = 0;
        ExceptionDispatchInfo? failure = null;
        Task[] threads =
        [
            .. Enumerable.Range(0, Math.Clamp(count / FilesPerThread, 1, MostThreads)).Select(_ => Task.Factory.StartNew(
                Look, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)),
        ];
        Task.WaitAll(threads);
        failure?.Throw();

        void Look()
        {
            while (Volatile.Read(ref failure) is null && Interlocked.Add(ref next, Chunk) - Chunk is var first && first < count)
            {
                for (var index = first; index < Math.Min(first + Chunk, count); index++)
                {
                    try
                    {
                        LookAt(index);
                    }
                    catch (DataException e)
                    {
                        Volatile.Write(ref failure, ExceptionDispatchInfo.Capture(e));
                        return;
                    }
                }
            }
        }
    }

    private void LookAt(int index)
    {
        if (this[index] is not null)
        {
            return;
        }

        try
        {
            Note(index, FileStamp.Of(paths(index)));
        }
        catch (Exception e) when (LostFile.IsIt(e))
        {
            throw LostFile.Unreadable(paths(index), e);
        }
    }
}
