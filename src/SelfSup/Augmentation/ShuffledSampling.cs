using SelfSup.Catalogs;
using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>Every image once an epoch, in a random order: what is taken where a recipe says nothing.</summary>
[Named("shuffled")]
internal sealed class ShuffledSampling(NoOptions options) : Sampling
{
    public override bool IgnoresBlocks => false;

    public override BatchPlan Plan(ulong seed, IImageSource source, int batchSize)
    {
        _ = options;
        return new ShuffledBatches(seed, source, batchSize, source.WindowBlocks);
    }
}
