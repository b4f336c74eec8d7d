using System.ComponentModel.DataAnnotations;
using System.Globalization;

using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// Batches of P classes with K images each, so that every image has others of its class beside it (FaceNet, Schroff et al. 2015,
/// https://arxiv.org/abs/1503.03832; P x K as in Hermans et al. 2017, https://arxiv.org/abs/1703.07737). An epoch has as many steps as
/// one over all images would; each class comes equally often in it, to within one batch.
/// </summary>
[Named("classes")]
internal sealed class ClassSampling(ClassSamplingOptions options) : Sampling
{
    private int ImagesPerClass => options.ImagesPerClass;

    public override IEnumerable<(string Setting, string Problem)> Check(int batchSize)
    {
        if (batchSize % ImagesPerClass != 0 || batchSize < 2 * ImagesPerClass)
        {
            yield return ("imagesPerClass", $"must divide training.globalBatchSize ({batchSize}) into at least two classes, is {ImagesPerClass}");
        }
    }

    public override BatchPlan Plan(ulong seed, IImageSource source, int batchSize)
    {
        var classes = ClassMembers.Of(source, "classes");
        var perBatch = batchSize / ImagesPerClass;
        if (perBatch > classes.Count)
        {
            var fitting = Enumerable.Range(ImagesPerClass, batchSize / 2)
                .FirstOrDefault(k => batchSize % k == 0 && batchSize / k <= classes.Count && batchSize / k >= 2);
            throw new RecipeException(
                $"sampling.imagesPerClass: is {ImagesPerClass}, which makes {perBatch} classes in a batch of {batchSize}, but the images are of "
                + $"{classes.Count}; {(fitting > 0 ? $"set it to {fitting} or make" : "make")} batches smaller");
        }

        ClassMembers[] alone = options.AllowRepeats || ImagesPerClass == 1 ? [] : [.. classes.Where(members => members.Images.Length == 1)];
        if (alone.Length > 0)
        {
            var names = string.Join(", ", alone.Take(5).Select(members => $"'{source.ClassNames[members.Label]}' ({source.Locate(members.Images[0])})"));
            throw new DataException(string.Create(
                CultureInfo.InvariantCulture,
                $"sampling: {alone.Length:N0} of {classes.Count:N0} classes have one image, of which {ImagesPerClass} different ones cannot be "
                + $"taken: {names}{(alone.Length > 5 ? ", ..." : "")}; leave them out by data.exceptClasses, or set sampling.allowRepeats: true"));
        }

        return new ClassBatches(seed, classes, source.Count, batchSize, ImagesPerClass);
    }
}

/// <summary>The <c>sampling</c> section.</summary>
internal sealed class ClassSamplingOptions
{
    /// <summary>
    /// K, images of each class in a batch; P, the number of classes, is the batch divided by it. A class that has fewer images
    /// gives some of them more than once, each time as the same views.
    /// </summary>
    [Range(1, 100_000)]
    public int ImagesPerClass { get; set; } = 4;

    /// <summary>Whether a class may have only one image, which is then all K: without a positive that would teach anything.</summary>
    public bool AllowRepeats { get; set; }
}
