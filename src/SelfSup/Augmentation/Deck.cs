using SelfSup.Randomness;

namespace SelfSup.Augmentation;

/// <summary>Items that are drawn one after the other in a random order, all of them before one comes again, in another order then.</summary>
/// <param name="items">At least one.</param>
/// <param name="random">Where the orders come from.</param>
internal sealed class Deck(ReadOnlySpan<int> items, CounterRandom random)
{
    private readonly int[] _items = items.ToArray();
    private int _next = items.Length;

    /// <summary>
    /// The next item that is not taken. Where the pass ends in the middle of a batch, the next one begins with others; an item that
    /// is taken comes again only where there is no other.
    /// </summary>
    /// <param name="isTaken">Whether the batch has an item already.</param>
    public int Draw(Func<int, bool> isTaken)
    {
        if (_next == _items.Length)
        {
            random.Shuffle<int>(_items);
            _next = 0;
        }

        var place = _next;
        while (place < _items.Length && isTaken(_items[place]))
        {
            place++;
        }

        if (place < _items.Length)
        {
            (_items[_next], _items[place]) = (_items[place], _items[_next]);
        }

        return _items[_next++];
    }
}
