namespace SelfSup.Tools.Scaling.Model;

/// <summary>Networks by their stages, last first. Backward's time is shared out by the outputs of convolutions, which it waits for.</summary>
internal static class Architectures
{
    /// <summary>A ResNet-50 without classifier on images of 224 pixels, and a head.</summary>
    public static IReadOnlyList<GradientSegment> ResNet50(double headParameters) =>
    [
        new("stage 4 and head", 14_964_736 + headParameters, 0.06), // 0.63 of 11.1 million outputs
        new("stage 3", 7_098_368, 0.19), // 2.16
        new("stage 2", 1_219_584, 0.28), // 3.1
        new("stage 1 and stem", 215_808 + 9_536, 0.47), // 4.4 and 0.8
    ];

    /// <summary>A ResNet-18 on images of 32 pixels, and a head; a CPU waits for multiplications, which its stages share equally.</summary>
    public static IReadOnlyList<GradientSegment> ResNet18(double headParameters) =>
    [
        new("stage 4 and head", 8_393_728 + headParameters, 0.25), // 134 of 555 million multiplications an image
        new("stage 3", 2_099_712, 0.24), // 134
        new("stage 2", 525_568, 0.24), // 134
        new("stage 1 and stem", 147_968 + 1_856, 0.27), // 151 and 2
    ];

    /// <summary>A thin ResNet-20 on images of 32 pixels, and a head.</summary>
    public static IReadOnlyList<GradientSegment> ResNet20(double headParameters) =>
    [
        new("stage 3 and head", 205_696 + headParameters, 0.16),
        new("stage 2", 51_648, 0.30),
        new("stage 1 and stem", 14_016 + 464, 0.54),
    ];
}
