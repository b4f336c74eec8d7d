using SelfSup.Catalogs;
using SelfSup.MetricLosses;
using SelfSup.Mining;
using SelfSup.Models;

using TorchSharp.Modules;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// Siamese networks for one-shot recognition (Koch et al. 2015): whether a pair is alike is learned from the weighted L1 difference of
/// its embeddings. The weights begin as in the paper (section 3.2): N(0, 0.2^2), the bias N(0.5, 0.01^2).
/// </summary>
[Named("siameseL1")]
internal sealed class SiameseL1Objective(SiameseL1Options options, ObjectiveContext context)
    : MinedObjective(options.Miner, options.Normalise, context)
{
    private const string Part = "siamese";

    /// <inheritdoc/>
    public override EncoderParts Parts => widths => [(Part, NewWeights(widths.Embedding))];

    /// <inheritdoc/>
    public override Tensor Loss(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var scores = Scores(batch, encoder);
        return SiameseL1.Loss(scores, MinePairs(batch, -scores.detach())).MoveToOuterDisposeScope();
    }

    /// <summary>Pairs that are judged wrongly, and all that were chosen.</summary>
    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var scores = Scores(batch, encoder);
        var pairs = MinePairs(batch, -scores);
        return
        [
            .. CountsOf(pairs),
            ("wrongPositivePairs", Count(pairs.Positive & (scores < 0))),
            ("wrongNegativePairs", Count(pairs.Negative & (scores > 0))),
        ];
    }

    private static Tensor Scores(LabelledEmbeddings batch, Encoder encoder)
    {
        var part = encoder.Part<Linear>(Part);
        return SiameseL1.Matrix(batch.Anchors, batch.References, part.weight!.squeeze(0), part.bias!);
    }

    private static Linear NewWeights(long width)
    {
        var weights = nn.Linear(width, 1);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        nn.init.normal_(weights.weight!, 0, 0.2);
        nn.init.normal_(weights.bias!, 0.5, 0.01);
        return weights;
    }
}

/// <summary>The settings of <c>siameseL1</c>.</summary>
internal sealed class SiameseL1Options
{
    /// <summary>Which pairs count; none for all.</summary>
    [ChosenFrom(typeof(IMiner))]
    public Choice? Miner { get; set; }

    /// <summary>Whether embeddings are made of unit length first; the paper does not.</summary>
    public bool Normalise { get; set; }
}
