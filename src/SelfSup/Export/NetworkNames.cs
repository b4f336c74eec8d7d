using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Export;

/// <summary>
/// The names in a file of ours: the backbone's are torchvision's or timm's without a prefix, the head's are <c>head.layers...</c>,
/// the classifier's are <c>fc</c> as torchvision's ResNets have it, or <c>head</c> as timm's vision transformers do.
/// </summary>
internal static class NetworkNames
{
    private const string Head = "head.";
    private const string HeadLayers = "head.layers.";
    private const string Classifier = "classifier.";

    /// <summary>The tensors of a part of a network, by their names in the file.</summary>
    /// <param name="encoder">The network.</param>
    /// <param name="part">What of it.</param>
    public static IReadOnlyDictionary<string, Tensor> Of(Encoder encoder, ExportPart part)
    {
        if (part == ExportPart.Head)
        {
            return encoder.State.Where(t => IsOfHead(t.Name)).ToDictionary(t => t.Name[Head.Length..], t => t.Value);
        }

        var tensors = encoder.Backbone.ToDictionary();
        if (part == ExportPart.All)
        {
            // Who trains a classifier leaves the rest of the head as it was, so that it is of no use to anybody.
            var own = encoder.State.Where(t => t.Name.StartsWith(Classifier, StringComparison.Ordinal)).ToArray();
            var name = tensors.ContainsKey("cls_token") ? Head : "fc.";
            foreach (var (key, value) in own.Length > 0
                ? own.Select(t => (name + t.Name[Classifier.Length..], t.Value))
                : encoder.State.Where(t => IsOfHead(t.Name)))
            {
                tensors.TryAdd(key, value);
            }
        }

        return tensors;
    }

    /// <summary>Whether a name in a file is of the projection head; it is the encoder's too.</summary>
    public static bool IsOfHead(string name) => name.StartsWith(HeadLayers, StringComparison.Ordinal);

    /// <summary>Whether a name in a file is of a classifier.</summary>
    public static bool IsOfClassifier(string name) => name is "fc.weight" or "fc.bias" or "head.weight" or "head.bias";

    /// <summary>The encoder's name of a tensor of the classifier.</summary>
    public static string OfClassifier(string name) => Classifier + name[(name.IndexOf('.', StringComparison.Ordinal) + 1)..];
}
