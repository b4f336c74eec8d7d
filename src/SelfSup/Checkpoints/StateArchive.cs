using SelfSup.Errors;

using static TorchSharp.torch;

namespace SelfSup.Checkpoints;

/// <summary>
/// A flat, named set of tensors, written by one walk over the run and read back by the same walk, so that nothing can be
/// saved and forgotten on load.
/// </summary>
public sealed class StateArchive : IDisposable
{
    private const long Piece = 1L << 26; // Tensor.bytes is a span: at most 2^31 bytes at a time

    private readonly Dictionary<string, Tensor> _entries;
    private readonly Dictionary<string, Shard> _shards = [];
    private readonly ShardFiles _files;
    private readonly string? _origin;
    private readonly HashSet<string> _taken = [];
    private readonly Dictionary<string, Tensor> _spare = [];
    private readonly List<(Tensor From, Tensor To)> _later = [];
    private string _prefix = "";

    private StateArchive(Dictionary<string, Tensor> entries, string? origin, ShardFiles files) =>
        (_entries, _origin, _files) = (entries, origin, files);

    /// <summary>The named tensors, owned by the archive.</summary>
    internal IReadOnlyDictionary<string, Tensor> Entries => _entries;

    /// <summary>The rows that were saved of tensors that this rank has a part of, owned by the archive.</summary>
    internal IReadOnlyDictionary<string, Shard> Shards => _shards;

    /// <summary>Bytes of everything in it.</summary>
    internal long Bytes => _entries.Values.Concat(_shards.Values.Select(shard => shard.Rows)).Sum(tensor => tensor.numel() * tensor.ElementSize);

    /// <summary>Names in the archive that no part of the run has asked for.</summary>
    internal IEnumerable<string> Unclaimed => _entries.Keys.Concat(_files.Names).Where(name => !_taken.Contains(name)).Order();

    /// <summary>Whether copies of weights may be taken in <see cref="Complete"/>.</summary>
    internal bool Defers { get; init; }

    /// <summary>Whether only what this rank has a part of is copied: another one saves what all have alike.</summary>
    internal bool OnlyShards { get; init; }

    /// <summary>An archive that collects copies.</summary>
    /// <param name="defers">Whether copies of weights are taken in <see cref="Complete"/>.</param>
    /// <param name="onlyShards">Whether what all ranks have alike is left out.</param>
    internal static StateArchive Saving(bool defers = false, bool onlyShards = false) =>
        new([], origin: null, ShardFiles.None) { Defers = defers, OnlyShards = onlyShards };

    /// <summary>
    /// Takes the copies that were put off. From any thread, before a weight changes; it computes nothing, so that no threads
    /// of libtorch are woken beside those that train.
    /// </summary>
    internal void Complete()
    {
        foreach (var (from, to) in _later)
        {
            using var scope = NewDisposeScope();
            for (long at = 0; at < from.numel(); at += Piece)
            {
                var length = Math.Min(Piece, from.numel() - at);
                from.narrow(0, at, length).bytes.CopyTo(to.narrow(0, at, length).bytes);
            }

            from.Dispose();
            to.Dispose();
        }

        _later.Clear();
    }

    /// <summary>
    /// Makes an archive that was saved into one that collects copies anew, in the memory it has: taking new memory from the
    /// system takes longer than copying.
    /// </summary>
    internal void Again()
    {
        foreach (var (name, tensor) in _entries)
        {
            _spare.Add(name, tensor);
        }

        foreach (var (name, shard) in _shards)
        {
            _spare.Add(name, shard.Rows);
        }

        _entries.Clear();
        _shards.Clear();
    }

    /// <summary>An archive that restores.</summary>
    /// <param name="entries">The saved tensors; the archive disposes them.</param>
    /// <param name="origin">Where they come from, for messages.</param>
    /// <param name="files">Where rows are that several ranks saved, or null.</param>
    internal static StateArchive Loading(IReadOnlyDictionary<string, Tensor> entries, string origin, ShardFiles? files = null) =>
        new(new(entries), origin, files ?? ShardFiles.None);

    /// <summary>Exchanges a part under its own name.</summary>
    public void Part(string name, IStateful part) => Part(name, part.Exchange);

    /// <summary>Exchanges under its own name what has no type of its own.</summary>
    public void Part(string name, Action<StateArchive> exchange)
    {
        var outer = _prefix;
        _prefix = $"{outer}{name}.";
        exchange(this);
        _prefix = outer;
    }

    /// <summary>Saves a copy of <paramref name="value"/> on the CPU, or overwrites it in place with the saved one.</summary>
    /// <exception cref="CheckpointException">The saved tensor is missing or has another shape or element type.</exception>
    public void Tensor(string name, Tensor value)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (_origin is null)
        {
            if (!OnlyShards)
            {
                _entries.Add(_prefix + name, Copy(_prefix + name, value));
            }

            return;
        }

        Load(name, value, 0, value.dim() == 0 ? null : value.shape[0]);
    }

    /// <summary>
    /// Like <see cref="Tensor(string, Tensor)"/>, for a tensor of which every rank has other rows. It may have been saved by another
    /// number of ranks, or whole: a rank gets the rows that it asks for.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="rows">This rank's rows, [rows, ...].</param>
    /// <param name="firstRow">Where in the whole tensor they begin.</param>
    /// <param name="allRows">How many rows the whole tensor has.</param>
    /// <exception cref="CheckpointException">The saved tensor is missing or has another shape or element type, or is damaged.</exception>
    public void Shard(string name, Tensor rows, long firstRow, long allRows)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (_origin is null)
        {
            _shards.Add(_prefix + name, new Shard(Copy(_prefix + name, rows), firstRow, allRows));
            return;
        }

        Load(name, rows, firstRow, allRows);
    }

    /// <summary>
    /// Like <see cref="Tensor(string, Tensor)"/>, for weights and what an optimizer keeps of them: they change when the optimizer
    /// steps and the method commits and at no other time, so that their copies can be taken while the next forward pass runs.
    /// </summary>
    /// <param name="name">The name.</param>
    /// <param name="value">The values, of any shape.</param>
    /// <param name="memory">The memory that they fill, one after the other, [P].</param>
    internal void Weights(string name, Tensor value, Tensor memory)
    {
        if (!Defers || OnlyShards || _origin is not null || value.device_type != TorchSharp.DeviceType.CPU)
        {
            Tensor(name, value);
            return;
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var copy = Spare(_prefix + name, value) ?? empty_like(value).DetachFromDisposeScope();
        _entries.Add(_prefix + name, copy);
        _later.Add((memory.alias().DetachFromDisposeScope(), copy.as_strided([copy.numel()], [1]).DetachFromDisposeScope()));
    }

    /// <summary>Saves a number, or returns the saved one.</summary>
    public long Number(string name, long value)
    {
        if (_origin is not null)
        {
            return Claim(name).item<long>();
        }

        if (OnlyShards)
        {
            return value;
        }

        using var scope = NewDisposeScope();
        _entries.Add(_prefix + name, Copy(_prefix + name, tensor(value)));
        return value;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var entry in _entries.Values.Concat(_shards.Values.Select(shard => shard.Rows)).Concat(_spare.Values).Concat(_later.SelectMany(pair => new[] { pair.From, pair.To })))
        {
            entry.Dispose();
        }
    }

    // As it lies in memory there: copying is fastest, and who writes it puts it into order.
    private Tensor Copy(string name, Tensor value) =>
        Spare(name, value)?.copy_(value) ?? value.detach().cpu().clone().DetachFromDisposeScope();

    /// <summary>The memory of the snapshot before, if it fits.</summary>
    private Tensor? Spare(string name, Tensor value)
    {
        if (!_spare.Remove(name, out var spare))
        {
            return null;
        }

        if (spare.dtype == value.dtype && spare.shape.AsSpan().SequenceEqual(value.shape))
        {
            return spare;
        }

        spare.Dispose();
        return null;
    }

    /// <summary>Overwrites a tensor with rows of the saved one.</summary>
    /// <param name="name">The name.</param>
    /// <param name="value">The tensor, [rows, ...].</param>
    /// <param name="first">Where in the saved one its rows begin.</param>
    /// <param name="all">How many rows the saved one must have; null for a scalar.</param>
    private void Load(string name, Tensor value, long first, long? all)
    {
        long[] whole = all is { } rows ? [rows, .. value.shape.Skip(1)] : [];
        void Require(ScalarType type, long[] shape)
        {
            if (type != value.dtype || !shape.SequenceEqual(whole))
            {
                throw new CheckpointException(
                    $"{_origin}: '{_prefix}{name}' is {Describe(type, shape)}, the run needs {Describe(value.dtype, whole)}; " +
                    "resume with the recipe the checkpoint was made with, or start a new run with --run");
            }
        }

        if (_files.AllRowsOf(_prefix + name) is { } there)
        {
            _taken.Add(_prefix + name);
            if (there != all)
            {
                Require(value.dtype, [there, .. value.shape.Skip(1)]);
            }

            _files.Read(_prefix + name, value, first, Require);
            return;
        }

        var saved = Claim(name);
        Require(saved.dtype, saved.shape);
        value.copy_(all is null ? saved : saved.narrow(0, first, value.shape[0]));
    }

    private static string Describe(ScalarType type, long[] shape) => $"{type} [{string.Join(", ", shape)}]";

    private Tensor Claim(string name)
    {
        _taken.Add(_prefix + name);
        return _entries.TryGetValue(_prefix + name, out var saved)
            ? saved
            : throw new CheckpointException(
                $"{_origin}: there is no '{_prefix}{name}'; resume with the recipe the checkpoint was made with, " +
                "or start a new run with --run");
    }
}
