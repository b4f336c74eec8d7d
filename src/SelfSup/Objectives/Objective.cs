using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>
/// A loss of metric learning as a recipe names it, with its settings, its distance and miner, and what it learns itself, such as
/// proxies. One sealed class marked <see cref="Catalogs.NamedAttribute"/> with a constructor (TOptions, <see cref="ObjectiveContext"/>);
/// the loss itself is a pure function in the room of metric losses.
/// </summary>
public abstract class Objective
{
    /// <summary>Whether it is of embeddings of unit length: the method normalises them for it.</summary>
    public virtual bool OfUnitVectors => true;

    /// <summary>
    /// Whether it is a mean over anchors that need no other embedding (but proxies): each rank then takes its own anchors only, where
    /// else all take those of all ranks.
    /// </summary>
    public virtual bool IsOfSingles => false;

    /// <summary>Whether it compares embeddings with one another, and not with something of its own only: a memory gives it more of them.</summary>
    public virtual bool ComparesEmbeddings => true;

    /// <summary>Whether it compares numbers that belong to the images, <see cref="LabelledEmbeddings.Values"/>, and not classes.</summary>
    public virtual bool ComparesValues => false;

    /// <summary>What it adds to the encoder; or null.</summary>
    public virtual EncoderParts? Parts => null;

    /// <summary>How many times the learning rate of the network what it adds has.</summary>
    public virtual double PartsRate => 1;

    /// <summary>The loss, a scalar with a graph; 0 with a graph where nothing is left to learn from.</summary>
    /// <param name="batch">What is compared.</param>
    /// <param name="encoder">Has what it added.</param>
    public abstract Tensor Loss(LabelledEmbeddings batch, Encoder encoder);

    /// <summary>What there is to report, by the names of metrics: active pairs and triplets. Runs without a graph.</summary>
    /// <param name="batch">What was compared.</param>
    /// <param name="encoder">Has what it added.</param>
    public virtual IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder) => [];
}
