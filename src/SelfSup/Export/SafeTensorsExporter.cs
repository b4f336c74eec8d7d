using SelfSup.Models;
using SelfSup.Tensors;

namespace SelfSup.Export;

/// <summary>Parameters and buffers as a safetensors file, under torchvision's key names (timm's for a vision transformer).</summary>
internal sealed class SafeTensorsExporter : IExporter
{
    /// <inheritdoc/>
    public void Write(Encoder encoder, ModelCard card, Stream destination) => SafeTensors.Write(
        destination, encoder.Backbone, new Dictionary<string, string>(card.Metadata()) { ["format"] = "pt" });
}
