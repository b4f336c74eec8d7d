using SelfSup.Augmentation;

namespace SelfSup.Tools.Throughput;

/// <summary>The pipelines that are measured, with the parameters of torchvision_views.py.</summary>
internal static class Views
{
    /// <summary>SimCLR's view of a photograph.</summary>
    public static ViewPipeline SimClr224() => SimClr(
        224,
        0.08,
        new GaussianBlur(new() { Probability = 0.5, Kernel = 23, Sigma = [0.1, 2.0] }),
        new Normalize(new() { Mean = [0.485, 0.456, 0.406], StandardDeviation = [0.229, 0.224, 0.225] }));

    /// <summary>SimCLR's view of a CIFAR-10 image.</summary>
    public static ViewPipeline Cifar32() => SimClr(
        32,
        0.2,
        new Normalize(new() { Mean = [0.4914, 0.4822, 0.4465], StandardDeviation = [0.2470, 0.2435, 0.2616] }));

    /// <summary>The crop and nothing else.</summary>
    public static ViewPipeline Crop224() => new(Crop(224, 0.08));

    /// <summary>The whole centre square, small.</summary>
    public static ViewPipeline Centre32() =>
        new(new Resize(new() { Size = 32 }), new CenterCrop(new() { Size = 32 }));

    private static ViewPipeline SimClr(int size, double smallest, params ReadOnlySpan<IAugmentation> last) => new(
    [
        Crop(size, smallest),
        new HorizontalFlip(new() { Probability = 0.5 }),
        new ColorJitter(new() { Probability = 0.8, Brightness = 0.8, Contrast = 0.8, Saturation = 0.8, Hue = 0.2 }),
        new RandomGrayscale(new() { Probability = 0.2 }),
        .. last,
    ]);

    private static RandomResizedCrop Crop(int size, double smallest) => new(new()
    {
        Size = size,
        Scale = [smallest, 1],
        Interpolation = Interpolation.Bilinear,
        Antialias = true,
    });
}
