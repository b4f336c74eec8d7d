namespace SelfSup.Images;

/// <summary>
/// Keeps the most recently used blocks up to a number of bytes. A block is loaded by the first thread that asks for
/// it, others that ask meanwhile wait for that one load, and nobody waits for another block's. A load that failed
/// stays failed until it is displaced, so that a damaged block is not read again for each of its images.
/// </summary>
/// <param name="capacity">Bytes that may be kept. The block used last is kept even if it is larger.</param>
/// <param name="load">Loads a block and says how many bytes it holds; called by several threads at once.</param>
internal sealed class BlockCache<T>(long capacity, Func<int, (T Value, long Bytes)> load)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<int, LinkedListNode<Block>> _blocks = [];
    private readonly LinkedList<Block> _byUse = new();
    private long _bytes;

    /// <summary>The block of the given number.</summary>
    public T Get(int number)
    {
        var block = Find(number);
        var loaded = block.Load.Value;
        Account(block, loaded.Bytes);
        return loaded.Value;
    }

    /// <summary>Finds or adds a block, and makes it the one used last.</summary>
    private Block Find(int number)
    {
        lock (_gate)
        {
            if (_blocks.TryGetValue(number, out var node))
            {
                _byUse.Remove(node);
                _byUse.AddLast(node);
            }
            else
            {
                node = _byUse.AddLast(new Block(number, new Lazy<(T Value, long Bytes)>(() => load(number))));
                _blocks.Add(number, node);
            }

            return node.Value;
        }
    }

    /// <summary>
    /// Counts a block the first time it is seen loaded, and displaces the ones that were not used longest.
    /// </summary>
    private void Account(Block block, long bytes)
    {
        lock (_gate)
        {
            if (block.Bytes >= 0 || !_blocks.TryGetValue(block.Number, out var node) || node.Value != block)
            {
                return;
            }

            block.Bytes = bytes;
            _bytes += bytes;
            // Blocks still loading have no size yet; displacing one would only make somebody load it twice.
            for (var oldest = _byUse.First; _bytes > capacity && oldest is not null;)
            {
                var next = oldest.Next;
                if (oldest.Value.Bytes >= 0 && oldest.Value != block)
                {
                    _byUse.Remove(oldest);
                    _blocks.Remove(oldest.Value.Number);
                    _bytes -= oldest.Value.Bytes;
                }

                oldest = next;
            }
        }
    }

    private sealed class Block(int number, Lazy<(T Value, long Bytes)> load)
    {
        public int Number { get; } = number;

        public Lazy<(T Value, long Bytes)> Load { get; } = load;

        /// <summary>-1 until the block is loaded and counted.</summary>
        public long Bytes { get; set; } = -1;
    }
}
