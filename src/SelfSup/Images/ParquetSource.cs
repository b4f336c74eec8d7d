using System.Globalization;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// Parquet files in the layout of Hugging Face data sets: a struct <c>image</c> with the encoded file in
/// <c>bytes</c>, or a plain binary column, and optionally an integer <c>label</c>. A row group is read as a whole
/// when one of its images is asked for, and kept as long as the cache has room. At most the cache and one row group
/// for each thread that is reading are in memory, with its compressed bytes where it is compressed.
/// </summary>
internal sealed class ParquetSource : IImageSource
{
    /// <summary>A footer that promises more is not believed, so that sums stay in range.</summary>
    private const long MostGroupBytes = 1L << 40;

    private readonly List<(ParquetShard Shard, int Group, int FirstRow)> _groups = [];
    private readonly List<int> _starts = [];
    private readonly int[] _labels = [];
    private readonly ParquetShard[] _shards;
    private readonly Dictionary<ParquetShard, string> _names;
    private readonly BlockCache _cache;

    /// <param name="paths">The files, in the order of their images.</param>
    /// <param name="options">The columns and the size of the cache.</param>
    /// <exception cref="DataException">A file cannot be read, or they do not fit together.</exception>
    public ParquetSource(IReadOnlyList<string> paths, ImageSourceOptions options)
    {
        _shards = OpenAll(paths, options);
        try
        {
            Count = CountRows(paths);
            (_labels, ClassNames) = Labels();
            _names = _shards.Zip(SourceFiles.Names(paths)).ToDictionary();
            Files = new() { Files = [.. _shards.Select(shard => shard.Describe(_names[shard]))] };
        }
        catch
        {
            Dispose();
            throw;
        }

        var cache = options.CacheMegabytes * (1L << 20);
        var usual = Math.Clamp(_shards.Max(shard => shard.LargestGroup), 1, MostGroupBytes);
        var largest = usual + (9L * _shards.Max(shard => shard.RowsByGroup.DefaultIfEmpty(0).Max())); // Places take 8 bytes, rounded up.
        // Half of the cache is for the window, the other for the next one, into which the loader reads ahead. What is
        // decompressed needs room for its compressed bytes while it is read.
        var room = Math.Max(1, cache - _shards.Max(shard => shard.LargestCompressed));
        WindowBlocks = room >= largest * _groups.Count ? int.MaxValue : (int)Math.Max(1, room / (2 * largest));
        _cache = new(cache, usual, (block, into) => _groups[block].Shard.ReadImages(_groups[block].Group, into));
    }

    public int Count { get; }

    public IReadOnlyList<string> ClassNames { get; } = [];

    public IReadOnlyList<int> BlockStarts => _starts;

    public int WindowBlocks { get; }

    /// <inheritdoc/>
    /// <remarks>As they were when they were opened.</remarks>
    public SourceFiles Files { get; }

    /// <summary>Bytes that row groups take now, spare memory included.</summary>
    public long CacheBytes => _cache.Buffers.Bytes;

    /// <inheritdoc/>
    /// <remarks>-1 also for a single row whose label is null or negative, as in the test parts of some data
    /// sets.</remarks>
    public int Label(int index) => _labels is [] ? -1 : _labels[index];

    public void Read(int index, StoredImage into)
    {
        var block = BlockOf(index);
        using var held = _cache.Hold(block);
        if (!held.Block.TryRead(index - _starts[block], into))
        {
            throw new DataException(
                $"{Locate(index)}: has no image (it is null); remove the row or set data.onUnreadable: skip")
            {
                IsAbsent = true,
            };
        }
    }

    /// <inheritdoc/>
    /// <remarks>Rows count from 0, as in DuckDB and pandas.</remarks>
    public string Locate(int index)
    {
        var block = BlockOf(index);
        return $"{_groups[block].Shard.Path}, row {_groups[block].FirstRow + index - _starts[block]}";
    }

    public string Address(int index)
    {
        var block = BlockOf(index);
        return $"{_names[_groups[block].Shard]}, row {_groups[block].FirstRow + index - _starts[block]}";
    }

    public void Dispose() => Array.ForEach(_shards, shard => shard.Dispose());

    private int BlockOf(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        var found = _starts.BinarySearch(index);
        return found >= 0 ? found : ~found - 1;
    }

    private static ParquetShard[] OpenAll(IReadOnlyList<string> paths, ImageSourceOptions options)
    {
        var shards = new List<ParquetShard>(paths.Count);
        try
        {
            foreach (var path in paths)
            {
                shards.Add(ParquetShard.Open(path, options.ImageColumn, options.LabelColumn));
            }
        }
        catch
        {
            shards.ForEach(shard => shard.Dispose());
            throw;
        }

        return [.. shards];
    }

    /// <summary>Numbers the row groups that are not empty, and counts their rows.</summary>
    private int CountRows(IReadOnlyList<string> paths)
    {
        long count = 0;
        foreach (var shard in _shards)
        {
            var row = 0;
            for (var group = 0; group < shard.RowsByGroup.Count; group++)
            {
                if (shard.RowsByGroup[group] > 0)
                {
                    _groups.Add((shard, group, row));
                    _starts.Add((int)count);
                    row += shard.RowsByGroup[group];
                    count += shard.RowsByGroup[group];
                }

                if (count > Array.MaxLength)
                {
                    throw new DataException(
                        $"{shard.Path}: with it there are more than {Array.MaxLength:N0} images; name fewer files");
                }
            }
        }

        if (count == 0)
        {
            throw new DataException($"{paths[0]}: holds no rows, must hold at least one image; check the path");
        }

        return (int)count;
    }

    private (int[] Labels, string[] ClassNames) Labels()
    {
        if (Array.Find(_shards, shard => shard.Labels is not null) is not { } labelled)
        {
            return ([], []);
        }

        if (Array.Find(_shards, shard => shard.Labels is null) is { } bare)
        {
            throw new DataException(
                $"{bare.Path}: has no labels, but {labelled.Path} has; name files of one data set");
        }

        int[] labels = [.. _shards.SelectMany(shard => shard.Labels!)];
        return (labels, Names(labels));
    }

    /// <summary>The names the files give to the labels, or the numbers from 0 to the largest label.</summary>
    private string[] Names(int[] labels)
    {
        var most = labels.Max();
        if (Array.Find(_shards, shard => shard.ClassNames.Count > 0) is not { } naming)
        {
            return [.. Enumerable.Range(0, most + 1).Select(label => label.ToString(CultureInfo.InvariantCulture))];
        }

        var other = Array.Find(
            _shards, shard => shard.ClassNames.Count > 0 && !shard.ClassNames.SequenceEqual(naming.ClassNames));
        if (other is not null)
        {
            throw new DataException(
                $"{other.Path}: names its classes otherwise than {naming.Path}; name files of one data set");
        }

        if (most >= naming.ClassNames.Count)
        {
            throw new DataException(
                $"{Locate(Array.IndexOf(labels, most))}: the label {most} must be less than "
                + $"{naming.ClassNames.Count}, the number of classes that the file names; get it again");
        }

        return [.. naming.ClassNames];
    }
}
