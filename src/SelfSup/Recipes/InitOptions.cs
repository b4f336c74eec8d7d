using SelfSup.Images;

namespace SelfSup.Recipes;

/// <summary>The <c>init</c> section: what a run begins with.</summary>
internal sealed class InitOptions
{
    /// <summary>
    /// Whose weights a new run begins with: a run directory (its newest checkpoint), a checkpoint's folder, or a safetensors file
    /// with torchvision's or timm's names. What fits by name and shape is taken, weights only; what does not is listed and stays
    /// as initialised. A run that goes on does not read it again.
    /// </summary>
    [PathSetting]
    public string? From { get; set; }
}
