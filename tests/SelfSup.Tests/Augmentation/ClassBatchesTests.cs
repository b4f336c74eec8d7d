using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Images;
using SelfSup.Tests.Support;

namespace SelfSup.Tests.Augmentation;

public sealed class ClassBatchesTests
{
    /// <summary>10, 20, ... 80 images.</summary>
    private static readonly int[] _sizes = [10, 20, 30, 40, 50, 60, 70, 80];

    [Fact]
    public void ABatchHasSoManyClassesWithSoManyDifferentImagesEach()
    {
        var (source, plan) = Classes(_sizes, batchSize: 20, imagesPerClass: 5);
        Assert.Equal(360 / 20, plan.StepsPerEpoch);
        for (var step = 0; step < 3 * plan.StepsPerEpoch; step++)
        {
            var batch = Batch(plan, step);
            Assert.Distinct(batch);
            var classes = batch.Chunk(5).Select(images => Assert.Single(images.Select(source.Label).Distinct())).ToArray();
            Assert.Distinct(classes);
        }
    }

    [Fact]
    public void EveryClassComesEquallyOftenInAnEpoch()
    {
        var (source, plan) = Classes(_sizes, batchSize: 20, imagesPerClass: 5);
        for (var epoch = 0; epoch < 5; epoch++)
        {
            var counts = EpochOf(plan, epoch).CountBy(source.Label).Select(c => c.Value / 5).ToArray();
            Assert.Equal(8, counts.Length);
            Assert.InRange(counts.Max() - counts.Min(), 0, 1); // 18 steps of 4 classes are 72 = 9 passes over 8: all alike here
            Assert.All(counts, count => Assert.Equal(9, count));
        }
    }

    [Fact]
    public void WithinAnEpochNoImageComesTwiceBeforeAllOfItsClassCame()
    {
        var (source, plan) = Classes(_sizes, batchSize: 20, imagesPerClass: 5);
        // 45 images of each class an epoch: of the one of 30, 15 come twice; of the one of 80, 35 do not come.
        var counts = EpochOf(plan, 0).CountBy(image => image).ToLookup(c => source.Label(c.Key), c => c.Value);
        Assert.Equal(30, counts[2].Count());
        Assert.All(counts[2], count => Assert.InRange(count, 1, 2));
        Assert.Equal(45, counts[7].Count());
        Assert.All(counts[0], count => Assert.InRange(count, 4, 5));
    }

    [Fact]
    public void OverTheEpochsEveryImageIsSeenAboutEquallyOftenWithinItsClass()
    {
        var (source, plan) = Classes(_sizes, batchSize: 20, imagesPerClass: 5);
        var counts = new int[source.Count];
        for (var epoch = 0; epoch < 40; epoch++)
        {
            foreach (var image in EpochOf(plan, epoch))
            {
                counts[image]++;
            }
        }

        // Of the class of 80 each image comes with probability 45/80 an epoch: mean 22.5, deviation 3.1.
        var largest = Enumerable.Range(0, source.Count).Where(image => source.Label(image) == 7).Select(image => counts[image]).ToArray();
        Assert.Equal(22.5, largest.Average(), 1e-9);
        Assert.InRange(largest.Min(), 22.5 - (5 * 3.1), 22.5);
        Assert.InRange(largest.Max(), 22.5, 22.5 + (5 * 3.1));
        Assert.DoesNotContain(0, counts);
    }

    [Fact]
    public void ClassesMeetEachOtherInAllCombinations()
    {
        var (source, plan) = Classes([20, 20, 20, 20, 20], batchSize: 8, imagesPerClass: 4);
        var pairs = new Dictionary<(int, int), int>();
        for (var step = 0; step < 1000; step++)
        {
            var batch = Batch(plan, step);
            var (a, b) = (source.Label(batch[0]), source.Label(batch[4]));
            pairs[(Math.Min(a, b), Math.Max(a, b))] = 1 + pairs.GetValueOrDefault((Math.Min(a, b), Math.Max(a, b)));
        }

        Assert.Equal(10, pairs.Count);
        Assert.All(pairs.Values, count => Assert.InRange(count, 50, 150)); // expected 100, deviation below 10
    }

    [Fact]
    public void TheBatchesAreAFunctionOfSeedAndStep()
    {
        var (_, plan) = Classes(_sizes, batchSize: 20, imagesPerClass: 5);
        var (_, again) = Classes(_sizes, batchSize: 20, imagesPerClass: 5);
        var (_, other) = Classes(_sizes, batchSize: 20, imagesPerClass: 5, seed: 2);
        foreach (var step in (long[])[40, 3, 17, 18, 3])
        {
            Assert.Equal(Batch(plan, step), Batch(again, step));
            Assert.NotEqual(Batch(plan, step), Batch(other, step));
        }

        Assert.NotEqual(Batch(plan, 0), Batch(plan, plan.StepsPerEpoch));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void RanksTogetherSeeWhatOneWould(int ranks)
    {
        var (_, whole) = Classes(_sizes, batchSize: 20, imagesPerClass: 5);
        for (var step = 0; step < 30; step++)
        {
            Assert.Equal(
                Batch(whole, step),
                Enumerable.Range(0, ranks).SelectMany(rank => Batch(new RankShare(Classes(_sizes, 20, 5).Plan, rank, ranks), step)));
        }
    }

    [Fact]
    public void AClassWithFewerImagesRepeatsThemOnlyWhereItMust()
    {
        var (source, plan) = Classes([3, 9, 9], batchSize: 10, imagesPerClass: 5);
        for (var step = 0; step < 50; step++)
        {
            foreach (var images in Batch(plan, step).Chunk(5))
            {
                Assert.Equal(source.Label(images[0]) == 0 ? 3 : 5, images.Distinct().Count());
            }
        }
    }

    [Fact]
    public void BalancedBatchesHaveEveryClassEquallyOften()
    {
        var source = MadeUpImages.OfSizes(_sizes);
        var plan = new BalancedSampling(new()).Plan(1, source, 36);
        Assert.Equal(10, plan.StepsPerEpoch);
        for (var step = 0; step < 30; step++)
        {
            var batch = Batch(plan, step);
            var counts = batch.CountBy(source.Label).Select(c => c.Value).ToArray();
            Assert.Equal(8, counts.Length);
            Assert.InRange(counts.Max() - counts.Min(), 0, 2); // passes over the classes begin in the middle of batches
            Assert.Distinct(batch);
        }

        Assert.All(EpochOf(plan, 3).CountBy(source.Label), c => Assert.Equal(45, c.Value));
        var seen = Enumerable.Range(0, 20).SelectMany(epoch => EpochOf(plan, epoch)).Distinct().Count();
        Assert.Equal(source.Count, seen);
    }

    [Fact]
    public void ClassesWithoutAnImageAndImagesWithoutAClassDoNotCount()
    {
        var source = MadeUpImages.OfSizes(4, 0, 6, 0, 8);
        var plan = new ClassSampling(new() { ImagesPerClass = 2 }).Plan(1, source, 6);
        Assert.Equal([0, 2, 4], EpochOf(plan, 0).Select(source.Label).Distinct().Order());
    }

    [Fact]
    public void WhatCannotBeIsSaid()
    {
        var alone = Assert.Throws<DataException>(() => Classes([4, 1, 5, 1], 6, 2)).Message;
        Assert.Equal(
            "sampling: 2 of 4 classes have one image, of which 2 different ones cannot be taken: 'c1' (image 4), 'c3' (image 10); leave them out "
            + "by data.exceptClasses, or set sampling.allowRepeats: true",
            alone);
        var repeated = new ClassSampling(new() { ImagesPerClass = 2, AllowRepeats = true }).Plan(1, MadeUpImages.OfSizes(4, 1, 5, 1), 6);
        Assert.Equal(4, EpochOf(repeated, 1).Concat(EpochOf(repeated, 2)).Concat(EpochOf(repeated, 0)).Select(MadeUpImages.OfSizes(4, 1, 5, 1).Label).Distinct().Count());
        Assert.Contains(
            "sampling.imagesPerClass: is 2, which makes 5 classes in a batch of 10, but the images are of 3; set it to 5 or make batches smaller",
            Assert.Throws<RecipeException>(() => Classes([9, 9, 9], 10, 2)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "but the images are of 2; make batches smaller",
            Assert.Throws<RecipeException>(() => Classes([9, 9], 9, 3)).Message, StringComparison.Ordinal);
        Assert.Contains("the images have no labels", Assert.Throws<DataException>(
            () => new BalancedSampling(new()).Plan(1, new MadeUpImages(9, 4, classes: 0), 3)).Message, StringComparison.Ordinal);
        Assert.Contains("must be at least one batch of 30", Assert.Throws<RecipeException>(() => Classes([9, 9, 9], 30, 10)).Message, StringComparison.Ordinal);
    }

    private static (IImageSource Source, BatchPlan Plan) Classes(int[] sizes, int batchSize, int imagesPerClass, ulong seed = 1)
    {
        var source = MadeUpImages.OfSizes(sizes);
        return (source, new ClassSampling(new() { ImagesPerClass = imagesPerClass }).Plan(seed, source, batchSize));
    }

    private static int[] Batch(BatchPlan plan, long step)
    {
        var batch = new int[plan.BatchSize];
        Assert.Equal(batch.Length, plan.Fill(step, batch));
        return batch;
    }

    private static int[] EpochOf(BatchPlan plan, long epoch) =>
        [.. Enumerable.Range(0, (int)plan.StepsPerEpoch).SelectMany(step => Batch(plan, (epoch * plan.StepsPerEpoch) + step))];
}
