using SelfSup.Augmentation;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Negatives;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>The jigsaw and the loss.</summary>
public sealed class PirlTests
{
    private const int Images = 6;
    private const int Side = 32;
    private const int Cell = 10;

    [Fact]
    public void EveryPieceIsAWindowOfACellOfItsOwn()
    {
        using var scope = NewDisposeScope();
        using var method = new Pirl(new PirlOptions { PatchFraction = 0.8 }, SmallMethods.Context(Images));
        var orders = Orders(method, Batch(epoch: 0));
        Assert.All(orders, order => Assert.Equal(Enumerable.Range(0, 9), order.Order()));
        Assert.Equal(Images, orders.Select(order => string.Join(",", order)).Distinct().Count());
    }

    [Fact]
    public void PiecesAreAFunctionOfSeedEpochAndSample()
    {
        using var scope = NewDisposeScope();
        using var method = new Pirl(new PirlOptions(), SmallMethods.Context(Images));
        using var other = new Pirl(new PirlOptions(), SmallMethods.Context(Images, seed: 2));
        var batch = Batch(epoch: 3);
        var pieces = method.Pieces(batch);
        foreach (var size in new[] { 2, 4, 5 })
        {
            Assert.True(cat([.. batch.Slices(size).Select(method.Pieces)]).equal(pieces).all().item<bool>());
        }

        Assert.False(method.Pieces(Batch(epoch: 4)).equal(pieces).all().item<bool>());
        Assert.False(other.Pieces(batch).equal(pieces).all().item<bool>());
    }

    [Theory]
    [InlineData(8, 2)]
    [InlineData(16, 4)]
    [InlineData(225, 64)]
    [InlineData(3, 1)]
    public void PiecesAreAPartOfTheirCells(int side, int expected)
    {
        using var scope = NewDisposeScope();
        using var method = new Pirl(new PirlOptions(), SmallMethods.Context(2));
        var images = zeros(2, 3, side, side);
        Assert.Equal([18, 3, expected, expected], method.Pieces(new(0, 0, arange(2), zeros(2, int64), [images, images])).shape);
    }

    [Fact]
    public void AnImageWithFewerPixelsThanCellsIsRefused()
    {
        using var scope = NewDisposeScope();
        using var method = new Pirl(new PirlOptions(), SmallMethods.Context(2));
        var images = zeros(2, 3, 2, 2);
        Assert.Throws<RecipeException>(() => method.Pieces(new(0, 0, arange(2), zeros(2, int64), [images, images])));
    }

    [Fact]
    public void TheLossIsThatOfTheFormula()
    {
        using var scope = NewDisposeScope();
        var options = new PirlOptions { Negatives = 5, JigsawWeight = 0.3, Temperature = 0.5 };
        using var method = new Pirl(options, SmallMethods.Context(Images));
        var batch = SmallMethods.Batch(Images, 16, views: 2);
        var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
        using var bank = new WholeBank(
            new(Images, 8, 0.5, BankPrecision.Float32, Seed: 1), method.Encoder.Parameters.Values, Communicator.Single);
        var drawn = bank.Draw(0, batch.Samples, 5).Negatives;
        double Exponential(int which, int image, long slot) =>
            Math.Exp((embeddings.Learned[which][image] * bank.Slots[slot]).sum(dim: 0).item<double>() / 0.5);
        var normaliser = Images * Enumerable.Range(0, Images)
            .SelectMany(i => Row(i).Prepend(i).Select(slot => Exponential(1, i, slot))).Average();
        double Nce(int which) => Enumerable.Range(0, Images).Average(i =>
        {
            double H(long slot) => Exponential(which, i, slot) / normaliser / ((Exponential(which, i, slot) / normaliser) + (5.0 / Images) + 1e-7);
            double Miss(long slot) => (5.0 / Images) / ((Exponential(which, i, slot) / normaliser) + (5.0 / Images) + 1e-7);
            return -Math.Log(H(i)) - Row(i).Sum(slot => Math.Log(Miss(slot)));
        });
        Assert.Equal((0.3 * Nce(1)) + (0.7 * Nce(0)), method.Compare(batch, embeddings).item<double>(), 1e-9);

        IEnumerable<long> Row(int image) => drawn[image].data<long>().ToArray();
    }

    [Fact]
    public void TheLossFalls()
    {
        var options = new PirlOptions { Negatives = 4, Temperature = 0.2 };
        using var method = new Pirl(options, SmallMethods.Context(32, ScalarType.Float32, norm: NormKind.Batch));
        var losses = SmallMethods.Train(method, side: 16, images: 32, steps: 40, learningRate: 0.002);
        // Slots that are random are easily told from one's own; the task is what it will be when all have been renewed.
        Assert.True(losses[^5..].Average() < losses[3..8].Average() * 0.8, string.Join(" ", losses));
        var facts = method.Facts(SmallMethods.Batch(32, 16, 2, step: 40), new Embeddings([], []), losses[^1]).ToDictionary(f => f.Name, f => f.Value);
        Assert.Equal(1, facts["bankFilled"]);
        Assert.Equal(1, facts["bankAgeSteps"]);
    }

    /// <summary>Which cell each piece is a window of.</summary>
    private static int[][] Orders(Pirl method, ViewBatch batch)
    {
        var side = method.SideOfPiece(Cell);
        var pieces = method.Pieces(batch).reshape(Images, 9, 3, side, side);
        return [.. Enumerable.Range(0, Images).Select(i => Enumerable.Range(0, 9).Select(j => Find(batch.Views[1][i], pieces[i, j])).ToArray())];
    }

    private static int Find(Tensor image, Tensor piece)
    {
        var side = (int)piece.shape[1];
        var found =
            from cell in Enumerable.Range(0, 9)
            from y in Enumerable.Range(0, Cell - side + 1)
            from x in Enumerable.Range(0, Cell - side + 1)
            let window = image.narrow(1, (cell / 3 * Cell) + y, side).narrow(2, (cell % 3 * Cell) + x, side)
            where window.equal(piece).all().item<bool>()
            select cell;
        return Assert.Single(found);
    }

    private static ViewBatch Batch(long epoch)
    {
        var images = Numbers.Normal(Images, 3, Side, Side);
        return new(0, epoch, arange(Images), zeros(Images, int64), [images, images]);
    }
}
