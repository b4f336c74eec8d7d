using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>K directions that embeddings are compared with, as a part of an encoder: SwAV's clusters, DINO's last layer.</summary>
internal static class Prototypes
{
    private const string Name = "prototypes";

    /// <summary>An encoder's part of so many prototypes.</summary>
    public static EncoderParts Parts(int count) => widths => [(Name, nn.Linear(widths.Embedding, count, hasBias: false))];

    /// <summary>The prototypes of an encoder, [K, D].</summary>
    public static Tensor Of(Encoder encoder) => encoder.Part<Linear>(Name).weight!;

    /// <summary>Makes each of unit length, in place.</summary>
    public static void Normalise(Encoder encoder)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var prototypes = Of(encoder);
        prototypes.copy_(nn.functional.normalize(prototypes, dim: 1));
    }

    /// <summary>Takes their gradient away: the optimizer then leaves them but for its weight decay.</summary>
    public static void Hold(Encoder encoder)
    {
        foreach (var gradient in encoder.Parameters.Of(encoder.Parameters.Gradients, Name))
        {
            gradient.zero_();
        }
    }
}
