using SelfSup.Errors;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Checkpoints;

/// <summary>
/// The ranks' parts in a checkpoint, from which any rows can be read on any number of ranks. Before rows are read, the file that
/// holds them is compared with its checksum.
/// </summary>
internal sealed class ShardFiles
{
    private const long PieceBytes = 1L << 26;

    private readonly string _folder;
    private readonly IReadOnlyList<CheckpointFile> _files;
    private readonly HashSet<CheckpointFile> _verified = [];
    private readonly Dictionary<string, Place[]> _places; // in the order of rows

    /// <summary>Looks whether the files of a manifest hold every row once.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="files">The ranks' parts, in their order.</param>
    /// <exception cref="CheckpointException">They do not.</exception>
    public ShardFiles(string folder, IReadOnlyList<CheckpointFile> files)
    {
        (_folder, _files) = (folder, files);
        for (var rank = 0; rank < files.Count; rank++)
        {
            if (files[rank].Name != CheckpointRanks.FileOf(rank, files.Count))
            {
                throw Damaged($"'{files[rank].Name}' stands where {CheckpointRanks.FileOf(rank, files.Count)} must be named");
            }
        }

        _places = files
            .SelectMany(file => file.Shards ?? [], (file, rows) => new Place(file, rows))
            .GroupBy(place => place.Rows.Name)
            .ToDictionary(group => group.Key, group => group.OrderBy(place => place.Rows.FirstRow).ToArray());
        foreach (var (name, places) in _places)
        {
            long end = 0;
            foreach (var (_, rows) in places)
            {
                if (rows.FirstRow != end || rows.Rows < 0 || rows.AllRows != places[0].Rows.AllRows)
                {
                    throw Damaged($"'{name}' goes on at row {rows.FirstRow} of {rows.AllRows}, where row {end} of {places[0].Rows.AllRows} must follow");
                }

                end += rows.Rows;
            }

            if (end != places[0].Rows.AllRows)
            {
                throw Damaged($"'{name}' ends at row {end} of {places[0].Rows.AllRows}");
            }
        }
    }

    /// <summary>None.</summary>
    public static ShardFiles None { get; } = new("", []);

    /// <summary>The tensors whose rows are here.</summary>
    public IEnumerable<string> Names => _places.Keys;

    /// <summary>Compares those files with their checksums whose rows a rank will probably read; together, the ranks compare all.</summary>
    /// <exception cref="CheckpointException">One is damaged.</exception>
    public void Verify(CheckpointRanks ranks)
    {
        for (var file = 0; file < _files.Count; file++)
        {
            // Part f of F and part r of R overlap.
            if ((long)file * ranks.Ranks < (ranks.Rank + 1L) * _files.Count && (long)ranks.Rank * _files.Count < (file + 1L) * ranks.Ranks)
            {
                Verify(_files[file]);
            }
        }
    }

    /// <summary>How many rows a tensor has in all, or null where it is not here.</summary>
    public long? AllRowsOf(string name) => _places.TryGetValue(name, out var places) ? places[0].Rows.AllRows : null;

    /// <summary>Reads rows.</summary>
    /// <param name="name">A tensor that is here.</param>
    /// <param name="into">Where to, [rows, ...], on any device.</param>
    /// <param name="first">The first row that is read.</param>
    /// <param name="refuse">Throws that the tensor that is there, of this type and shape, is not the one that is needed.</param>
    /// <exception cref="CheckpointException">A file is damaged, or the rows are of another type or shape.</exception>
    public void Read(string name, Tensor into, long first, Action<ScalarType, long[]> refuse)
    {
        using var _ = no_grad();
        long[] width = [.. into.shape.Skip(1)];
        var bytesOfOne = width.Aggregate(into.ElementSize, (product, size) => product * size);
        var piece = Math.Max(1, PieceBytes / Math.Max(1, bytesOfOne));
        var end = first + into.shape[0];
        foreach (var (file, rows) in _places[name])
        {
            var last = Math.Min(end, rows.FirstRow + rows.Rows);
            for (var at = Math.Max(first, rows.FirstRow); at < last; at += piece)
            {
                using var scope = NewDisposeScope();
                Verify(file);
                var read = SafeTensors.ReadRows(Path.Combine(_folder, file.Name), name, at - rows.FirstRow, Math.Min(piece, last - at));
                if (read.dtype != into.dtype || !read.shape.Skip(1).SequenceEqual(width))
                {
                    refuse(read.dtype, [rows.AllRows, .. read.shape.Skip(1)]);
                }

                into.narrow(0, at - first, read.shape[0]).copy_(read);
            }
        }
    }

    private void Verify(CheckpointFile file)
    {
        if (!_verified.Contains(file))
        {
            StateFile.Verify(Path.Combine(_folder, file.Name), file);
            _verified.Add(file);
        }
    }

    private CheckpointException Damaged(string what) => new($"{_folder}: the checkpoint is damaged: of its ranks' parts, {what}");

    private sealed record Place(CheckpointFile File, ShardRows Rows);
}
