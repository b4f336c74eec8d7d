using SelfSup.Augmentation;

namespace SelfSup.Tests.Augmentation;

public sealed class ViewPipelineTests
{
    [Fact]
    public void TheLastCropFixesTheSize()
    {
        Assert.Equal(32, Views.SimClr().OutputSize);
        Assert.Equal(24, new ViewPipeline(
            new Resize(new() { Size = 40 }), new CenterCrop(new() { Size = 24 }), Views.Normalization()).OutputSize);
        Assert.Equal(40, new ViewPipeline(
            new CenterCrop(new() { Size = 24 }), new Resize(new() { Size = 40 })).OutputSize);
        Assert.Null(new ViewPipeline(new Resize(new() { Size = 40 }), new HorizontalFlip(new())).OutputSize);
        Assert.Null(new ViewPipeline().OutputSize);
    }

    [Fact]
    public void AViewWithoutAFixedSizeIsNotMade() => Assert.Throws<InvalidOperationException>(() =>
        new ViewPipeline().Make(new ViewCanvas(), Views.Image(8, 8), 1, 0, 0, 0, new float[192]));

    [Fact]
    public void AViewIsAFunctionOfSeedEpochSampleAndView()
    {
        var image = Views.Image(40, 36);
        var (pipeline, canvas) = (Views.SimClr(blur: true), new ViewCanvas());
        float[] Make(ulong seed, long epoch, long sample, int view)
        {
            var pixels = new float[3 * 32 * 32];
            pipeline.Make(canvas, image, seed, epoch, sample, view, pixels);
            return pixels;
        }

        var first = Make(1, 2, 3, 0);
        Assert.NotEqual(first, Make(1, 2, 3, 1));
        Assert.NotEqual(first, Make(1, 2, 4, 0));
        Assert.NotEqual(first, Make(1, 3, 3, 0));
        Assert.NotEqual(first, Make(2, 2, 3, 0));
        Assert.Equal(first, Make(1, 2, 3, 0));
    }

    [Fact]
    public void ANormalisationAtTheEndEqualsOneInTheMiddle()
    {
        var image = Views.Image(40, 36);
        var fused = new ViewPipeline(new CenterCrop(new() { Size = 30 }), Views.Normalization());
        // The flip that does nothing keeps the normalisation from being the last step.
        var apart = new ViewPipeline(
            new CenterCrop(new() { Size = 30 }), Views.Normalization(), new HorizontalFlip(new() { Probability = 0 }));
        Assert.NotNull(fused.Normalization);
        Assert.Null(apart.Normalization);
        var (first, second) = (new float[2700], new float[2700]);
        fused.Make(new ViewCanvas(), image, 1, 0, 0, 0, first);
        apart.Make(new ViewCanvas(), image, 1, 0, 0, 0, second);
        Assert.Equal(first, second);
        Assert.Equal(((image.Pixels[3 * ((3 * 40) + 5)] / 255.0) - 0.4914) / 0.2470, first[0], 1e-5);
    }

    [Fact]
    public void AViewLeavesTheImageAsItWas()
    {
        var image = Views.Image(40, 36);
        var before = image.Pixels.ToArray();
        Views.SimClr(blur: true).Make(new ViewCanvas(), image, 1, 0, 0, 0, new float[3 * 32 * 32]);
        Assert.Equal(before, image.Pixels.ToArray());
    }

    [Fact]
    public void InTheLongRunAViewAllocatesNothing()
    {
        var (image, pixels, canvas, pipeline) =
            (Views.Image(32, 32), new float[3 * 32 * 32], new ViewCanvas(), Views.SimClr(blur: true));
        for (var sample = 0; sample < 500; sample++)
        {
            pipeline.Make(canvas, image, 1, 0, sample, 0, pixels);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var sample = 0; sample < 500; sample++)
        {
            pipeline.Make(canvas, image, 1, 0, sample, 0, pixels);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024);
    }
}
