namespace SelfSup.Tensors;

/// <summary>The most that was in use of the <see cref="NativeHeap"/> while it lasted, looked at every millisecond.</summary>
internal sealed class HeapPeak : IDisposable
{
    private readonly long? _before = NativeHeap.Bytes?.InUse;
    private readonly ManualResetEventSlim _ending = new();
    private readonly Thread _thread;
    private long _most;

    public HeapPeak()
    {
        _most = _before ?? 0;
        _thread = new Thread(Watch) { IsBackground = true, Name = "heap" };
        _thread.Start();
    }

    /// <summary>How much more it was than at the beginning; null where the C library does not say.</summary>
    public long? Growth => _before is { } before ? Interlocked.Read(ref _most) - before : null;

    /// <summary>Stops looking.</summary>
    public void Dispose()
    {
        if (_thread.IsAlive)
        {
            _ending.Set();
            _thread.Join();
        }

        _ending.Dispose();
    }

    private void Watch()
    {
        while (NativeHeap.Bytes is var (now, _))
        {
            Interlocked.Exchange(ref _most, Math.Max(_most, now));
            if (_ending.Wait(1))
            {
                return;
            }
        }
    }
}
