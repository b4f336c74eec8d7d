using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Tests.Support;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Tests.Methods;

/// <summary>The grid of patches, what a context sees, and the loss.</summary>
public sealed class CpcTests
{
    private static readonly CpcOptions _small = new() { Grid = 3, Steps = 1, ContextLayers = 2, ContextWidth = 16 };

    [Theory]
    [InlineData(16, 7, false)]
    [InlineData(16, 3, true)]
    [InlineData(8, 7, true)]
    public void PatchesAreThoseOfALoop(int side, int grid, bool channelsLast)
    {
        using var scope = NewDisposeScope();
        using var method = new Cpc(new CpcOptions { Grid = grid, Steps = 1 }, SmallMethods.Context(3));
        var images = channelsLast ? Numbers.Normal(3, side, side, 3).permute(0, 3, 1, 2) : Numbers.Normal(3, 3, side, side);
        var cut = method.Cut(Batch(images));
        var stride = side / (grid + 1);
        var place = 0;
        for (var image = 0; image < 3; image++)
        {
            for (var row = 0; row < grid; row++)
            {
                for (var column = 0; column < grid; column++)
                {
                    var expected = images[image].narrow(1, row * stride, 2 * stride).narrow(2, column * stride, 2 * stride);
                    Assert.True(cut[place++].equal(expected).all().item<bool>());
                }
            }
        }

        Assert.Equal(place, cut.shape[0]);
        Assert.Equal(channelsLast ? 1 : (long)4 * stride * stride, cut.stride()[1]);
    }

    [Fact]
    public void ASubcropIsAWindowOfItsPatchInTheMiddleOfABlankOne()
    {
        using var scope = NewDisposeScope();
        var batch = Batch(Numbers.Normal(6, 3, 16, 16));
        using var whole = new Cpc(_small, SmallMethods.Context(6));
        using var method = new Cpc(
            new CpcOptions { Grid = 3, Steps = 1, ContextLayers = 1, ContextWidth = 4, Subcrop = 6 }, SmallMethods.Context(6));
        var (patches, cut) = (whole.Cut(batch), method.Cut(batch)); // 8 pixels
        var windows = cut.narrow(2, 1, 6).narrow(3, 1, 6);
        Assert.Equal(windows.count_nonzero().item<long>(), cut.count_nonzero().item<long>());
        var places = new HashSet<(int, int)>();
        for (var i = 0; i < cut.shape[0]; i++)
        {
            var found = (from y in Enumerable.Range(0, 3)
                         from x in Enumerable.Range(0, 3)
                         where patches[i].narrow(1, y, 6).narrow(2, x, 6).equal(windows[i]).all().item<bool>()
                         select (y, x)).ToArray();
            places.Add(Assert.Single(found));
        }

        Assert.Equal(9, places.Count);
        var slices = batch.Slices(4).Select(method.Cut).ToArray();
        Assert.True(cat(slices).equal(cut).all().item<bool>());
    }

    [Fact]
    public void AContextSeesItsRowAndThoseAbove()
    {
        using var scope = NewDisposeScope();
        _ = random.manual_seed(1);
        var network = new CpcContext(8, layers: 5, width: 16, steps: 5).to(float64);
        var z = Numbers.Normal(2, 7, 7, 8).to(float64);
        var before = network.call(z);
        for (var row = 0; row < 7; row++)
        {
            var changed = z.clone();
            changed[0, row, 3] += 1;
            var after = network.call(changed);
            var moved = (after - before).abs().amax([2, 3]); // [2, 7]
            Assert.Equal(0, moved[0].narrow(0, 0, row).sum(dim: 0).item<double>());
            // Five layers see five rows up.
            Assert.All(Enumerable.Range(row, Math.Min(6, 7 - row)), r => Assert.True(moved[0, r].item<double>() > 1e-9));
            Assert.Equal(0, moved[1].sum(dim: 0).item<double>()); // the other image
            for (var k = 1; k <= Math.Min(5, row); k++)
            {
                // What predicts the row is what is seen k rows above.
                var difference = network.Predict(after, k) - network.Predict(before, k);
                Assert.Equal(0, difference.narrow(1, 0, row - k + 1).abs().max().item<double>());
            }
        }
    }

    [Fact]
    public void TheLossIsThatOfTheFormula()
    {
        using var scope = NewDisposeScope();
        var options = new CpcOptions { Grid = 4, Steps = 2, ContextLayers = 2, ContextWidth = 16 };
        using var method = new Cpc(options, SmallMethods.Context(3));
        var batch = SmallMethods.Batch(3, 20);
        var embeddings = new Embeddings(method.Embed(method.Encoder, batch), []);
        var z = embeddings.Learned[0];
        Assert.Equal([3, 4, 4, 8], z.shape);
        double sum = 0;
        for (var k = 1; k <= 2; k++)
        {
            var predictions = embeddings.Learned[k];
            Assert.Equal([3, 4 - k, 4, 8], predictions.shape);
            double loss = 0;
            foreach (var (n, row, column) in Places(4 - k))
            {
                double Product(int image, int r, int c) => (predictions[n, row, column] * z[image, r + k, c]).sum(dim: 0).item<double>();
                var all = Places(4 - k).Sum(p => Math.Exp(Product(p.Image, p.Row, p.Column)));
                loss += Math.Log(all) - Product(n, row, column);
            }

            sum += loss / Places(4 - k).Count();
        }

        var actual = method.Compare(batch, embeddings).item<double>();
        Assert.Equal(sum / 2, actual, 1e-10);
        var (name, bound) = Assert.Single(method.Facts(batch, new Embeddings([], []), actual));
        Assert.Equal("informationBound", name);
        Assert.Equal(((Math.Log(3 * 3 * 4) + Math.Log(3 * 2 * 4)) / 2) - actual, bound, 1e-12);

        static IEnumerable<(int Image, int Row, int Column)> Places(int rows) =>
            from image in Enumerable.Range(0, 3)
            from row in Enumerable.Range(0, rows)
            from column in Enumerable.Range(0, 4)
            select (image, row, column);
    }

    [Fact]
    public void TheLossFalls()
    {
        using var method = new Cpc(_small, SmallMethods.Context(12, ScalarType.Float32));
        var losses = SmallMethods.Train(method, side: 8, images: 12, steps: 40, learningRate: 0.003);
        Assert.Equal(Math.Log(12 * 2 * 3), losses[0], 0.5);
        Assert.True(losses[^1] < losses[0] - 1, $"{losses[0]} to {losses[^1]}");
    }

    [Theory]
    [InlineData(30, null, "is 30")]
    [InlineData(32, 8, "is 8")]
    public void WhatDoesNotFitIsSaid(int side, int? subcrop, string said)
    {
        using var scope = NewDisposeScope();
        using var method = new Cpc(new CpcOptions { Subcrop = subcrop }, SmallMethods.Context(2));
        var error = Assert.Throws<RecipeException>(() => method.Cut(Batch(zeros(2, 3, side, side))));
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StepsLeaveTwoRows()
    {
        var options = new CpcOptions { Grid = 6 };
        Assert.NotEmpty(options.Validate(new ValidationContext(options)));
        options.Steps = 4;
        Assert.Empty(options.Validate(new ValidationContext(options)));
    }

    private static ViewBatch Batch(Tensor images) =>
        new(0, 0, arange(images.shape[0]), zeros(images.shape[0], int64), [images]);
}
