using SelfSup.Catalogs;
using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>Every image once an epoch, in a random order: what is taken where a recipe says nothing.</summary>
[Named("shuffled")]
internal sealed class ShuffledSampling(ShuffledSamplingOptions options) : Sampling
{
    public override bool IgnoresBlocks => false;

    public override BatchPlan Plan(ulong seed, IImageSource source, int batchSize)
    {
        _ = options;
        return new ShuffledBatches(seed, source, batchSize, source.WindowBlocks);
    }
}

/// <summary>The <c>sampling</c> section; nothing is to be set.</summary>
internal sealed class ShuffledSamplingOptions;
