using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Tests.Tensors;

public sealed class CollectionPauseTests
{
    [Fact]
    public void CollectionsHappenAtSafePointsOnly()
    {
        using var pause = new CollectionPause();
        var (within, all) = (0, 0);
        for (var step = 0; step < 200; step++)
        {
            var before = GC.CollectionCount(0);
            pause.SafePoint();
            var began = GC.CollectionCount(0);
            using (NewDisposeScope())
            {
                for (var i = 0; i < 100; i++)
                {
                    _ = (ones(2) * 2.5) + new byte[4096].Length;
                }
            }

            within += GC.CollectionCount(0) - began;
            all += GC.CollectionCount(0) - before;
        }

        Assert.Equal(0, within);
        Assert.InRange(all, 1, 50);
    }

    [Fact]
    public void ABudgetThatWasNotEnoughIsNoError()
    {
        using var pause = new CollectionPause();
        for (var step = 0; step < 3; step++)
        {
            pause.SafePoint();
            for (var i = 0; i < 40; i++)
            {
                GC.KeepAlive(new byte[4 << 20]);
            }
        }
    }
}
