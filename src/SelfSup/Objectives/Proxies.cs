using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>Learned points of the embedding space that stand for classes, a part of an encoder; C of them a class, one after the other.</summary>
internal sealed class Proxies : FreezableModule
{
    /// <summary>The part's name.</summary>
    public const string Name = "proxies";

    private const string Weight = "weight";

    private Proxies(Tensor weight)
        : base(nameof(Proxies)) => Register(Weight, weight, trains: true);

    /// <summary>The proxies as they are learned, of any length, [K * C, D].</summary>
    public Tensor Values => Value(Weight);

    /// <summary>An encoder's part.</summary>
    /// <param name="count">K * C.</param>
    /// <param name="initialise">Fills them, [K * C, D], from the process's generator, which the encoder seeds.</param>
    public static EncoderParts Parts(long count, Action<Tensor> initialise) => widths =>
    {
        using var _ = no_grad();
        var weight = empty(count, widths.Embedding);
        initialise(weight);
        return [(Name, new Proxies(weight))];
    };

    /// <summary>Those of an encoder, of unit length, [K * C, D].</summary>
    public static Tensor Of(Encoder encoder) => Encoder.Unit(encoder.Part<Proxies>(Name).Values);

    /// <summary>The products of embeddings, [N, D], with the directions of all proxies, which is what losses compare, [N, K * C].</summary>
    public override Tensor forward(Tensor input) => input.mm(Encoder.Unit(Values).t());
}
