using System.Runtime.ExceptionServices;

using SelfSup.Errors;

namespace SelfSup.Images;

/// <summary>
/// Keeps the most recently used blocks up to a number of bytes. A block is loaded by the first thread that asks for
/// it, others that ask meanwhile wait for that one load, and nobody waits for another block's. A damaged block stays
/// failed until it is displaced, so that it is not read again for each of its images. The memory of
/// displaced blocks is used for the next ones, but never while somebody holds the block.
/// </summary>
internal sealed class BlockCache
{
    private readonly Action<int, ImageBlock> _load;
    private readonly Lock _gate = new();
    private readonly Dictionary<int, Entry> _entries = [];
    private readonly LinkedList<Entry> _byUse = new();
    private readonly Stack<Entry> _free = new();

    /// <param name="capacity">
    /// Bytes that may be kept, spare memory included. The block used last is kept even if it is larger.
    /// </param>
    /// <param name="usual">See <see cref="BlockBuffers"/>.</param>
    /// <param name="load">Fills a block; called by several threads at once.</param>
    public BlockCache(long capacity, long usual, Action<int, ImageBlock> load)
    {
        _load = load;
        Buffers = new BlockBuffers(capacity, usual, _gate, Displace);
    }

    public BlockBuffers Buffers { get; }

    /// <summary>The block of the given number, which stays as it is until what is returned is disposed.</summary>
    public Lease Hold(int number)
    {
        var entry = Find(number);
        if ((entry.IsLoaded ? entry.Failure : Load(entry)) is { } failure)
        {
            Release(entry);
            failure.Throw();
        }

        return new Lease(this, entry);
    }

    /// <summary>Finds or adds a block, makes it the one used last, and counts the caller among its readers.</summary>
    private Entry Find(int number)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(number, out var entry))
            {
                _byUse.Remove(entry.Node);
            }
            else
            {
                entry = _free.TryPop(out var free) ? free : new Entry(Buffers);
                entry.Number = number;
                _entries.Add(number, entry);
            }

            _byUse.AddLast(entry.Node);
            entry.Readers++;
            return entry;
        }
    }

    /// <returns>Why the block could not be loaded, or null.</returns>
    private ExceptionDispatchInfo? Load(Entry entry)
    {
        ExceptionDispatchInfo? failure = null;
        lock (entry.Loading)
        {
            if (entry.IsLoaded)
            {
                return entry.Failure;
            }

            // What is wrong with the bytes stays wrong; a disk or network that failed may be back at the next try.
            var isFinal = true;
            try
            {
                _load(entry.Number, entry.Block);
            }
            catch (Exception e)
            {
                entry.Block.Free();
                failure = ExceptionDispatchInfo.Capture(e);
                isFinal = e is not DataException { IsSourceLost: true };
            }

            if (isFinal)
            {
                entry.Failure = failure;
                entry.IsLoaded = true;
            }
        }

        Buffers.Trim();
        return failure;
    }

    private void Release(Entry entry)
    {
        lock (_gate)
        {
            entry.Readers--;
        }
    }

    /// <summary>
    /// Displaces the block that was not used longest. Nobody may hold it, and so it is not loading either.
    /// </summary>
    private bool Displace()
    {
        for (var node = _byUse.First; node is not null; node = node.Next)
        {
            var entry = node.Value;
            if (entry.Readers == 0)
            {
                _byUse.Remove(node);
                _entries.Remove(entry.Number);
                entry.Block.Free();
                entry.Failure = null;
                entry.IsLoaded = false;
                _free.Push(entry);
                return true;
            }
        }

        return false;
    }

    /// <summary>A block that is held.</summary>
    internal readonly struct Lease(BlockCache cache, Entry entry) : IDisposable
    {
        public ImageBlock Block => entry.Block;

        public void Dispose() => cache.Release(entry);
    }

    internal sealed class Entry
    {
        private volatile bool _isLoaded;

        public Entry(BlockBuffers buffers)
        {
            Block = new ImageBlock(buffers);
            Node = new LinkedListNode<Entry>(this);
        }

        public ImageBlock Block { get; }

        public LinkedListNode<Entry> Node { get; }

        public Lock Loading { get; } = new();

        public int Number { get; set; }

        /// <summary>How many hold the block or wait for it.</summary>
        public int Readers { get; set; }

        public bool IsLoaded
        {
            get => _isLoaded;
            set => _isLoaded = value;
        }

        /// <summary>What the load threw.</summary>
        public ExceptionDispatchInfo? Failure { get; set; }
    }
}
