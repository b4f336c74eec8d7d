using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Mining;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>What objectives over pairs or triplets share: all that labels make, or those that a miner chooses of them.</summary>
internal abstract class MinedObjective : Objective
{
    private readonly IMiner? _miner;
    private readonly ulong _seed;

    /// <param name="miner">The miner, or null for all pairs.</param>
    /// <param name="ofUnitVectors">Whether embeddings are of unit length.</param>
    /// <param name="context">What the run gives to it.</param>
    protected MinedObjective(Choice? miner, bool ofUnitVectors, ObjectiveContext context)
    {
        (OfUnitVectors, _seed) = (ofUnitVectors, context.Seed);
        _miner = miner is null ? null : context.Catalogs.Create<IMiner>(miner);
        if (_miner?.Over is not null && !ofUnitVectors)
        {
            throw new RecipeException(
                $"method.loss.miner: miner {miner!.Name} is defined over embeddings of unit length, which they are not here; set normalise: true "
                + "or choose another miner");
        }
    }

    /// <inheritdoc/>
    public override bool OfUnitVectors { get; }

    /// <summary>Chooses the pairs or triplets.</summary>
    /// <param name="batch">What is compared.</param>
    /// <param name="distances">What the loss compares it by, smaller is nearer, [N, M].</param>
    protected Mined Mine(LabelledEmbeddings batch, Tensor distances)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var all = PairMasks.Of(batch.Labels, batch.ReferenceLabels, batch.FirstSelf);
        if (_miner is null)
        {
            return new Mined(all, null).MoveToOuterDisposeScope();
        }

        var by = _miner.Over?.Matrix(batch.Anchors, batch.References) ?? distances.detach();
        return _miner.Mine(by, all, new MiningDraw(_seed, batch.Step, batch.Anchors.shape[1])).MoveToOuterDisposeScope();
    }

    /// <summary>Chooses the pairs, those of triplets where the miner chooses triplets.</summary>
    /// <param name="batch">What is compared.</param>
    /// <param name="distances">As in <see cref="Mine"/>.</param>
    protected PairMasks MinePairs(LabelledEmbeddings batch, Tensor distances) =>
        Mine(batch, distances).AsPairs(distances.shape[0], distances.shape[1]);

    /// <summary>How many pairs were chosen.</summary>
    protected static IEnumerable<(string Name, double Value)> CountsOf(PairMasks pairs) =>
        [("minedPositivePairs", Count(pairs.Positive)), ("minedNegativePairs", Count(pairs.Negative))];

    /// <summary>How many places of a mask are true.</summary>
    protected static double Count(Tensor mask)
    {
        using var scope = NewDisposeScope();
        return mask.sum().item<long>();
    }
}
