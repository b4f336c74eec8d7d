using SelfSup.Images;

namespace SelfSup.Recipes;

/// <summary>The <c>init</c> section: what a run begins with.</summary>
internal sealed class InitOptions
{
    /// <summary>
    /// Whose weights a new run begins with: a run directory (its newest checkpoint), a checkpoint's folder, or a file: safetensors,
    /// or what PyTorch saves (.pth, .pth.tar, .pt, .ckpt, .bin), with the names of torchvision, timm, or a program of the field. What
    /// fits by name and shape is taken, weights only; what does not is listed and stays as initialised. A run that goes on does not
    /// read it again.
    /// </summary>
    [PathSetting]
    public string? From { get; set; }

    /// <summary>
    /// The beginning of the names of the weights in a file that holds several networks, such as teacher.backbone; by default that of
    /// which most fits, and of copies the one that is published.
    /// </summary>
    public string? Prefix { get; set; }

    /// <summary>
    /// Whether the projection head is taken too, by default, or begins anew; layers of it that stay on the backbone
    /// (encoder.head.kept) are taken in any case.
    /// </summary>
    public HeadStart? Head { get; set; }
}

/// <summary>What a head begins with.</summary>
internal enum HeadStart
{
    /// <summary>The weights that the backbone's come with.</summary>
    Kept,

    /// <summary>Random ones.</summary>
    Fresh,
}
