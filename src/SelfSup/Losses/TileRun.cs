using System.Runtime.ExceptionServices;

using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>A tile of a matrix that is never held whole, and which sums it adds to.</summary>
/// <param name="Row">Which block of rows.</param>
/// <param name="Column">Which block of columns.</param>
/// <param name="First">The sum it adds to.</param>
/// <param name="Second">Another one, or the same.</param>
internal readonly record struct Tile(int Row, int Column, int First, int Second);

/// <summary>
/// Works through tiles on several threads. Each sum receives its tiles one at a time and in the order of the list, so
/// that results do not depend on which thread was faster.
/// </summary>
internal sealed class TileRun
{
    private readonly IReadOnlyList<Tile> _tiles;
    private readonly (int First, int Second)[] _turns; // how many tiles come before in the same sums
    private readonly int[] _done; // how many tiles each sum has received
    private int _next;
    private volatile ExceptionDispatchInfo? _failure;

    private TileRun(IReadOnlyList<Tile> tiles, int sums)
    {
        _tiles = tiles;
        _done = new int[sums];
        _turns = new (int, int)[tiles.Count];
        var before = new int[sums];
        for (var i = 0; i < tiles.Count; i++)
        {
            var (first, second) = (tiles[i].First, tiles[i].Second);
            _turns[i] = (before[first], before[second]);
            before[first]++;
            before[second] += first == second ? 0 : 1;
        }
    }

    /// <summary>Does the work of every tile; returns when all are done.</summary>
    /// <param name="tiles">Neighbours in the list should not share a sum: they would wait for each other.</param>
    /// <param name="sums">How many sums there are.</param>
    /// <param name="threads">
    /// How many threads share the tiles, each computing alone: between many small operations that all threads share they
    /// would wait for each other most of the time, above all where the cores have other work too.
    /// </param>
    /// <param name="newWork">Makes the work of one thread, with memory of its own.</param>
    public static void Run(IReadOnlyList<Tile> tiles, int sums, int threads, Func<Action<Tile>> newWork)
    {
        var run = new TileRun(tiles, sums);
        threads = Math.Min(threads, tiles.Count);
        if (threads <= 1)
        {
            run.Work(newWork); // operations use the threads they like
        }
        else
        {
            var before = get_num_threads();
            var others = new Thread[threads - 1];
            try
            {
                for (var i = 0; i < others.Length; i++)
                {
                    var other = new Thread(() => run.WorkAlone(newWork)) { IsBackground = true, Name = "tiles" };
                    other.Start();
                    others[i] = other; // one that was not started could not be joined
                }

                run.WorkAlone(newWork);
            }
            finally
            {
                foreach (var thread in others)
                {
                    thread?.Join();
                }

                set_num_threads(before); // also what threads get that use libtorch for the first time after this
            }
        }

        run._failure?.Throw();
    }

    private void WorkAlone(Func<Action<Tile>> newWork)
    {
        set_num_threads(1);
        Work(newWork);
    }

    private void Work(Func<Action<Tile>> newWork)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var work = newWork();
            while (Interlocked.Increment(ref _next) - 1 is var i && i < _tiles.Count)
            {
                var (tile, turn) = (_tiles[i], _turns[i]);
                if (!Await(tile.First, turn.First) || !Await(tile.Second, turn.Second))
                {
                    return;
                }

                using (NewDisposeScope())
                {
                    work(tile);
                }

                Volatile.Write(ref _done[tile.First], turn.First + 1);
                Volatile.Write(ref _done[tile.Second], turn.Second + 1);
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(e), null);
        }
    }

    /// <summary>Waits for the tiles that come before in a sum; false where one of them failed.</summary>
    private bool Await(int sum, int turn)
    {
        var wait = new SpinWait();
        while (Volatile.Read(ref _done[sum]) != turn)
        {
            if (_failure is not null)
            {
                return false;
            }

            wait.SpinOnce();
        }

        return true;
    }
}
