using SelfSup.Images;

namespace SelfSup.Tests.Images;

public sealed class SampleOrderTests
{
    private static readonly int[] _blocks = [0, 10, 15, 40, 41, 70, 90];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(int.MaxValue)]
    public void EveryImageComesOnce(int windowBlocks)
    {
        var order = SampleOrder.Epoch(1, 0, 100, _blocks, windowBlocks);
        Assert.Equal(Enumerable.Range(0, 100), order.Order());
    }

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    public void TheOrderIsAFunctionOfSeedAndEpoch(int windowBlocks)
    {
        var order = SampleOrder.Epoch(1, 0, 100, _blocks, windowBlocks);
        Assert.Equal(order, SampleOrder.Epoch(1, 0, 100, _blocks, windowBlocks));
        Assert.NotEqual(order, SampleOrder.Epoch(1, 1, 100, _blocks, windowBlocks));
        Assert.NotEqual(order, SampleOrder.Epoch(2, 0, 100, _blocks, windowBlocks));
    }

    [Fact]
    public void AWindowKeepsToItsBlocks()
    {
        int[] starts = [.. Enumerable.Range(0, 20).Select(b => b * 50)];
        var order = SampleOrder.Epoch(3, 4, 1000, starts, windowBlocks: 4);
        int[][] windows = [.. order.Chunk(200)
            .Select(window => window.Select(index => index / 50).Distinct().Order().ToArray())];
        Assert.All(windows, blocks => Assert.Equal(4, blocks.Length));
        Assert.Equal(20, windows.SelectMany(blocks => blocks).Distinct().Count());
        Assert.NotEqual(Enumerable.Range(0, 20), windows.SelectMany(blocks => blocks));
        // Within a window the blocks are mixed: the first fifty images come from all four.
        Assert.Equal(4, order[..50].Select(index => index / 50).Distinct().Count());
    }

    [Fact]
    public void OneWindowOverAllBlocksMixesEverything()
    {
        int[] starts = [.. Enumerable.Range(0, 20).Select(b => b * 50)];
        var order = SampleOrder.Epoch(3, 4, 1000, starts, windowBlocks: 20);
        Assert.Equal(order, SampleOrder.Epoch(3, 4, 1000, [0], windowBlocks: 1));
        Assert.True(order[..100].Select(index => index / 50).Distinct().Count() > 15);
    }
}
