using System.Globalization;

using SelfSup.Errors;
using SelfSup.Images;

using static TorchSharp.torch;

namespace SelfSup.Search;

/// <summary>Files of embeddings as one table, whose rows count from 0 over all of them.</summary>
internal sealed class EmbeddingTable : IDisposable
{
    private readonly IReadOnlyList<EmbeddingFile> _files;
    private readonly List<(EmbeddingFile File, int Group, long First)> _groups = [];

    private EmbeddingTable(IReadOnlyList<EmbeddingFile> files)
    {
        _files = files;
        foreach (var file in files)
        {
            for (var group = 0; group < file.RowsByGroup.Count; group++)
            {
                if (file.RowsByGroup[group] > 0)
                {
                    _groups.Add((file, group, Rows));
                    Rows += file.RowsByGroup[group];
                }
            }
        }
    }

    /// <summary>How many rows there are.</summary>
    public long Rows { get; }

    /// <summary>D.</summary>
    public int Width => _groups[0].File.Width;

    /// <summary>What the files say of their embeddings; null where they say nothing.</summary>
    public EmbeddingFacts? Facts => _groups[0].File.Facts;

    /// <summary>Opens a file, a folder of Parquet files or a pattern.</summary>
    /// <exception cref="DataException">There is no such file, or one cannot be read, or they are not of one network.</exception>
    public static EmbeddingTable Open(string path)
    {
        var files = new List<EmbeddingFile>();
        try
        {
            string[] paths = [.. ImageSources.Files(path).Where(file => File.Exists(path) || file.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase))];
            foreach (var file in paths)
            {
                files.Add(EmbeddingFile.Open(file));
            }

            var table = new EmbeddingTable(files);
            table.Require(path);
            return table;
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    /// <summary>Embeddings block by block, in the order of the rows; whole row groups, so that none is read twice.</summary>
    /// <param name="mostRows">In a block, unless a single row group has more.</param>
    /// <param name="from">The first row; one that a block began or ended with.</param>
    /// <exception cref="DataException">A row has not D numbers, or one that is not finite; or a file cannot be read.</exception>
    public IEnumerable<EmbeddingBlock> Blocks(long mostRows, long from = 0)
    {
        var waiting = new List<Tensor>();
        var (first, rows) = (from, 0L);
        foreach (var (file, group, _) in _groups.Where(g => g.First >= from))
        {
            var count = file.RowsByGroup[group];
            if (rows > 0 && rows + count > mostRows)
            {
                yield return Joined();
            }

            using (var numbers = tensor(file.Read(group))) // the caller's scope may last longer than the block
            {
                waiting.Add(numbers.view(count, Width).DetachFromDisposeScope());
            }

            rows += count;
        }

        if (rows > 0)
        {
            yield return Joined();
        }

        EmbeddingBlock Joined()
        {
            Tensor all;
            if (waiting is [var single])
            {
                all = single;
            }
            else
            {
                all = cat(waiting).DetachFromDisposeScope();
                waiting.ForEach(part => part.Dispose());
            }

            var block = new EmbeddingBlock(first, all);
            waiting.Clear();
            (first, rows) = (first + all.shape[0], 0);
            return block;
        }
    }

    /// <summary>The embedding of a row, [D].</summary>
    public float[] Embedding(long row)
    {
        var (file, group, first) = GroupOf(row);
        return file.Read(group).AsSpan((int)(row - first) * Width, Width).ToArray();
    }

    /// <summary>What rows are the embeddings of.</summary>
    public IReadOnlyDictionary<long, EmbeddedImage> Images(IEnumerable<long> rows)
    {
        var found = new Dictionary<long, EmbeddedImage>();
        foreach (var ofGroup in rows.Distinct().GroupBy(GroupOf))
        {
            var images = ofGroup.Key.File.Images(ofGroup.Key.Group);
            foreach (var row in ofGroup)
            {
                found.Add(row, images[row - ofGroup.Key.First]);
            }
        }

        return found;
    }

    /// <summary>The first row of each image that is wanted and there.</summary>
    /// <param name="wanted">What images are known by.</param>
    /// <param name="key">That of an image; null where it has none.</param>
    public IReadOnlyDictionary<TKey, long> Find<TKey>(IReadOnlySet<TKey> wanted, Func<EmbeddedImage, TKey?> key)
        where TKey : notnull
    {
        var found = new Dictionary<TKey, long>();
        foreach (var (file, group, first) in _groups.TakeWhile(_ => found.Count < wanted.Count))
        {
            var images = file.Images(group);
            for (var place = 0; place < images.Length; place++)
            {
                if (key(images[place]) is { } own && wanted.Contains(own))
                {
                    found.TryAdd(own, first + place);
                }
            }
        }

        return found;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }
    }

    private (EmbeddingFile File, int Group, long First) GroupOf(long row)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)row, (ulong)Rows, nameof(row));
        var (low, high) = (0, _groups.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _groups[middle].First <= row ? (middle, high) : (low, middle - 1);
        }

        return _groups[low];
    }

    private void Require(string path)
    {
        if (Rows == 0)
        {
            throw new DataException(_files.Count == 0
                ? $"{path}: holds no Parquet files; name a file that selfsup embed wrote, or a folder or pattern of such"
                : $"{path}: has no rows, must have at least one; embed images first");
        }

        foreach (var (file, _, _) in _groups)
        {
            if (file.Width != Width)
            {
                throw new DataException(
                    $"{file.Path}: its embeddings have {Text(file.Width)} numbers, those of {_groups[0].File.Path} have {Text(Width)}; name files of one network");
            }

            if (file.Facts?.DifferenceTo(Facts) is { } difference || (file.Facts is null) != (Facts is null))
            {
                throw new DataException(
                    $"{file.Path}: is of {file.Facts?.DifferenceTo(Facts) ?? "unknown origin"}, {_groups[0].File.Path} is not, so that they make no one table; name files "
                    + "of one selfsup embed, or embed all images at once");
            }
        }

        if (Width is 0 or > 1 << 16)
        {
            throw new DataException($"{_groups[0].File.Path}: its embeddings have {Text(Width)} numbers, must have from 1 to 65,536; embed images first");
        }
    }

    private static string Text(int width) => width.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Neighbouring rows.</summary>
/// <param name="First">The first.</param>
/// <param name="Rows">[rows, D].</param>
internal sealed record EmbeddingBlock(long First, Tensor Rows) : IDisposable
{
    /// <summary>The row after the last.</summary>
    public long End => First + Rows.shape[0];

    /// <inheritdoc/>
    public void Dispose() => Rows.Dispose();
}
