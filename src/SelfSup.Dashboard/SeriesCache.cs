using SelfSup.Reports;

namespace SelfSup.Dashboard;

/// <summary>The curves of the runs that were looked at last, within a number of bytes: they are read on, not read again.</summary>
/// <param name="bytes">How many bytes are kept, about.</param>
internal sealed class SeriesCache(long bytes) : IDisposable
{
    // Bytes that a visitor may have missed; of more the curves that are kept tell.
    private const long MostReadOn = 4 << 20;

    // Files are read by few at a time, whatever many ask for.
    private readonly SemaphoreSlim _readers = new(2);
    private readonly Lock _gate = new();
    private readonly List<Kept> _newestFirst = [];

    /// <summary>Makes something of the curves of a file as they are now: of what is behind a place, or of all where that is much.</summary>
    /// <param name="path">The file.</param>
    /// <param name="from">The place.</param>
    /// <param name="points">How many points a curve of what is behind the place has at most.</param>
    /// <param name="use">Makes it; told whether the curves are whole.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<T> Use<T>(string path, MetricsPosition from, int points, Func<MetricsSeries, bool, T> use, CancellationToken cancellationToken)
    {
        await _readers.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(
                () =>
                {
                    if (from.Offset > 0 && MetricsSeries.CanReadOn(path, from, MostReadOn))
                    {
                        var news = new MetricsSeries(path, points, from);
                        news.ReadOn();
                        return use(news, news.IsAnew);
                    }

                    var kept = Take(path);
                    lock (kept)
                    {
                        kept.Series.ReadOn();
                        kept.Bytes = kept.Series.Bytes;
                        Trim();
                        return use(kept.Series, true);
                    }
                },
                cancellationToken);
        }
        finally
        {
            _readers.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _readers.Dispose();

    private Kept Take(string path)
    {
        lock (_gate)
        {
            var kept = _newestFirst.Find(kept => kept.Path == path) ?? new Kept(path);
            _newestFirst.Remove(kept);
            _newestFirst.Insert(0, kept);
            return kept;
        }
    }

    /// <summary>Lets go of what was looked at longest ago, but never of the last one.</summary>
    private void Trim()
    {
        lock (_gate)
        {
            while (_newestFirst.Count > 1 && _newestFirst.Sum(kept => kept.Bytes) > bytes)
            {
                _newestFirst.RemoveAt(_newestFirst.Count - 1);
            }
        }
    }

    /// <summary>The curves of a file, and what they took when they were last used.</summary>
    private sealed class Kept(string path)
    {
        public string Path => path;

        public MetricsSeries Series { get; } = new(path);

        public long Bytes { get; set; }
    }
}
