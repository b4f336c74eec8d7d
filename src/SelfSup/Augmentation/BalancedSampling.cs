using SelfSup.Catalogs;
using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// Batches in which every class comes equally often, however many images it has. An epoch has as many steps as one over all images
/// would; images of small classes come several times in it, some of large ones in another epoch.
/// </summary>
[Named("balanced")]
internal sealed class BalancedSampling(NoOptions options) : Sampling
{
    public override BatchPlan Plan(ulong seed, IImageSource source, int batchSize)
    {
        _ = options;
        return new ClassBatches(seed, ClassMembers.Of(source, "balanced"), source.Count, batchSize, imagesPerClass: 1);
    }
}
