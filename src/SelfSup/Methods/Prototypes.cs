using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// K directions that embeddings are compared with, a part of an encoder: SwAV's clusters, DINO's last layer. In the first
/// epochs they stay as they are, whatever the optimizer does with weight decay and momentum.
/// </summary>
internal sealed class Prototypes : IDisposable
{
    private const string Name = "prototypes";

    private readonly Encoder _encoder;
    private readonly int _heldEpochs;
    private readonly Tensor _held; // as they are before the optimizer's step

    /// <param name="encoder">An encoder that has the part.</param>
    /// <param name="heldEpochs">Epochs in which they stay as they begin.</param>
    public Prototypes(Encoder encoder, int heldEpochs)
    {
        (_encoder, _heldEpochs) = (encoder, heldEpochs);
        _held = Of(encoder).detach().clone().DetachFromDisposeScope();
    }

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

    /// <summary>Before the optimizer's step: while they are held they have no gradient, so that no momentum grows.</summary>
    public void Adjust(long epoch)
    {
        if (epoch >= _heldEpochs)
        {
            return;
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        _held.copy_(Of(_encoder));
        foreach (var gradient in _encoder.Parameters.Of(_encoder.Parameters.Gradients, Name))
        {
            gradient.zero_();
        }
    }

    /// <summary>After it: takes back what weight decay has done to them while they are held.</summary>
    public void Commit(long epoch)
    {
        if (epoch < _heldEpochs)
        {
            using var _ = no_grad();
            Of(_encoder).copy_(_held);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _held.Dispose();
}
