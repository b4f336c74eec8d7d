using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// What crops, resizes and flips work on: a view whose pixels are not there yet (<see cref="Placement"/>, which takes
/// only what it can express), or any view (<see cref="ViewCanvas"/>, which takes everything).
/// </summary>
internal interface IGeometry
{
    /// <summary>H.</summary>
    int Height { get; }

    /// <summary>W.</summary>
    int Width { get; }

    /// <summary>Keeps a rectangle, at the size it has. What reaches over the edge is black.</summary>
    /// <returns>Whether it was taken.</returns>
    bool Crop(Region crop);

    /// <summary>Keeps a rectangle, brought to another size.</summary>
    /// <param name="crop">The rectangle, inside the view.</param>
    /// <param name="height">H afterwards.</param>
    /// <param name="width">W afterwards.</param>
    /// <param name="interpolation">The filter. Bicubic values may leave 0..1, but not where the image is a colour JPEG.</param>
    /// <param name="antialias">Whether shrinking averages over all pixels it leaves out.</param>
    /// <returns>Whether it was taken.</returns>
    bool ResizedCrop(Region crop, int height, int width, Interpolation interpolation, bool antialias);

    /// <summary>Exchanges left and right.</summary>
    void FlipHorizontal();

    /// <summary>Exchanges top and bottom.</summary>
    void FlipVertical();
}
