using SelfSup.Images;

namespace SelfSup.Augmentation;

/// <summary>
/// How batches are put together. A recipe names it by <see cref="Catalogs.NamedAttribute"/>; its constructor takes its options.
/// </summary>
internal abstract class Sampling
{
    /// <summary>Whether images are taken from anywhere in the source, so that nothing that is read together is used together.</summary>
    public virtual bool IgnoresBlocks => true;

    /// <summary>Which images each step of a run sees.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="source">The images.</param>
    /// <param name="batchSize">N, of all ranks.</param>
    /// <exception cref="Errors.RecipeException">Settings, batch and images do not fit together.</exception>
    /// <exception cref="Errors.DataException">The images have no labels, or too few of a class.</exception>
    public abstract BatchPlan Plan(ulong seed, IImageSource source, int batchSize);

    /// <summary>Looks at a batch before any image is there.</summary>
    /// <param name="batchSize">N, of all ranks.</param>
    /// <returns>What is wrong, by the name of the setting; nothing where all is well.</returns>
    public virtual IEnumerable<(string Setting, string Problem)> Check(int batchSize) => [];
}
