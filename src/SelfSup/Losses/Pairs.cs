using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>Where the two views of the images lie: on every rank view 1 of its N images, then view 2.</summary>
internal static class Pairs
{
    /// <summary>Every row of the other view of its image, in a tensor [2N, D] of this rank.</summary>
    public static Tensor OtherView(Tensor local) => local.roll(local.shape[0] / 2, 0);

    /// <summary>The products of neighbouring rows divided by the temperature, [N] from twice [N, D].</summary>
    public static Tensor Logits(Tensor rows, Tensor others, double temperature) => (rows * others).sum(dim: 1) / temperature;

    /// <summary>Every local view with itself.</summary>
    /// <param name="local">[2N, D].</param>
    /// <param name="rank">Which block of all ranks' rows is local.</param>
    public static ExcludedPairs Selves(Tensor local, int rank) => new(0, rank * local.shape[0], local.shape[0]);

    /// <summary>Every local view with itself and with the other view of its image.</summary>
    public static IReadOnlyList<ExcludedPairs> SelvesAndPositives(Tensor local, int rank)
    {
        var images = local.shape[0] / 2;
        var first = rank * local.shape[0]; // the column of the first local view
        return [Selves(local, rank), new(0, first + images, images), new(images, first, images)];
    }
}
