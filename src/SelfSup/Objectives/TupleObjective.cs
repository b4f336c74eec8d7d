using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Errors;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// A loss of listed pairs, triplets or ranked candidates, as a recipe names it. One sealed class marked <see cref="NamedAttribute"/>
/// with a constructor (TOptions, <see cref="ObjectiveContext"/>).
/// </summary>
internal abstract class TupleObjective
{
    /// <summary>Whether it is of embeddings of unit length: the method normalises them for it.</summary>
    public abstract bool OfUnitVectors { get; }

    /// <summary>What it adds to the encoder; or null.</summary>
    public virtual EncoderParts? Parts => null;

    /// <summary>Looks at what the list has, before anything is computed.</summary>
    /// <exception cref="RecipeException">It has not what the loss compares.</exception>
    public virtual void Require(TupleList list)
    {
    }

    /// <summary>The loss, a scalar with a graph; 0 with a graph where nothing is left to learn from.</summary>
    /// <param name="batch">What is compared; at least one tuple.</param>
    /// <param name="encoder">Has what it added.</param>
    public abstract Tensor Loss(TupleEmbeddings batch, Encoder encoder);

    /// <summary>What there is to report, by the names of metrics. Runs without a graph.</summary>
    /// <param name="batch">What was compared.</param>
    /// <param name="encoder">Has what it added.</param>
    public virtual IEnumerable<(string Name, double Value)> Facts(TupleEmbeddings batch, Encoder encoder) => [];
}
