using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>Cuts images into square patches, as CPC's grid and PIRL's jigsaw do.</summary>
internal static class Patches
{
    /// <summary>
    /// Windows of the images, all with one gather of pixels: as many operations for random places as for a grid. They lie in
    /// memory as the images do, channels last or plane by plane, so that the network takes them as it takes images.
    /// </summary>
    /// <param name="images">[N, C, S, S], without a graph.</param>
    /// <param name="corners">Where each window begins: y * S + x, int64 [N, K] on any device.</param>
    /// <param name="side">p, the side of a window; all must lie inside.</param>
    /// <returns>[N * K, C, p, p], the K windows of an image one after the other.</returns>
    public static Tensor Cut(Tensor images, Tensor corners, int side)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (count, channels, width) = (images.shape[0], images.shape[1], images.shape[3]);
        var pixels = images.permute(0, 2, 3, 1).reshape(-1, channels); // a view of images that are channels last
        var window = (arange(side, int64).unsqueeze(1) * width) + arange(side, int64); // [p, p]
        var first = arange(count, int64).unsqueeze(1) * (images.shape[2] * width); // [N, 1]
        var places = ((corners.cpu() + first).reshape(-1, 1) + window.reshape(1, -1)).reshape(-1).to(images.device);
        var patches = pixels.index_select(0, places).reshape(-1, side, side, channels).permute(0, 3, 1, 2);
        return (images.stride()[1] == 1 ? patches : patches.contiguous()).MoveToOuterDisposeScope();
    }
}
