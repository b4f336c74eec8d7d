using SelfSup.Distances;

using static TorchSharp.torch;

namespace SelfSup.Mining;

/// <summary>
/// Chooses which pairs or triplets of a labelled batch a loss is of. A recipe names it by <see cref="Catalogs.NamedAttribute"/>; its
/// constructor takes its options.
/// </summary>
public interface IMiner
{
    /// <summary>
    /// The distance, of unit vectors, that it is defined by, whatever the loss compares; null where it takes the loss's.
    /// </summary>
    Distance? Over => null;

    /// <summary>Chooses. Runs without a graph, and is a function of its arguments.</summary>
    /// <param name="distances">From anchors to references, smaller is nearer, [N, M].</param>
    /// <param name="all">All pairs that the labels make.</param>
    /// <param name="draw">What a random choice is a function of: the run's seed and the step.</param>
    Mined Mine(Tensor distances, PairMasks all, MiningDraw draw);
}

/// <summary>What a choice is a function of beside distances.</summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="Step">The step.</param>
/// <param name="Width">D, the width of the embeddings.</param>
public readonly record struct MiningDraw(ulong Seed, long Step, long Width);
