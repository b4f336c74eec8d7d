using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Export;

/// <summary>
/// Parameters and buffers as a safetensors file, under the names that torchvision and timm load (<see cref="NetworkNames"/>). It
/// is written tensor by tensor; counters stay integers whatever the type of the rest.
/// </summary>
/// <param name="part">What of the network.</param>
/// <param name="floats">The type of floating-point values; as they are where it is null.</param>
internal sealed class SafeTensorsExporter(ExportPart part = ExportPart.Backbone, ScalarType? floats = null) : IExporter
{
    /// <inheritdoc/>
    /// <exception cref="RecipeException">The network has no such part, or values too large for the type.</exception>
    public void Write(Encoder encoder, ModelCard card, Stream destination)
    {
        if (part == ExportPart.Head && Classification.Classifier(encoder) is not null)
        {
            throw new RecipeException("--part: is head, which a run of classification does not train; take all, which has its classifier, or backbone");
        }

        var metadata = new Dictionary<string, string>(card.Metadata())
        {
            ["format"] = "pt", // what loaders of the field look for
            [ModelCard.PartKey] = part.ToString().ToLowerInvariant(),
        };
        SafeTensors.Write(destination, NetworkNames.Of(encoder, part), metadata, floats);
    }
}
