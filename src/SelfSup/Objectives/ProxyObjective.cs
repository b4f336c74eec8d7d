using System.ComponentModel.DataAnnotations;

using SelfSup.MetricLosses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Objectives;

/// <summary>An objective that compares embeddings with learned proxies of the classes and with nothing else.</summary>
/// <param name="options">What all such have.</param>
/// <param name="context">What the run gives to it.</param>
/// <param name="centres">C, proxies of a class.</param>
public abstract class ProxyObjective(ProxyOptions options, ObjectiveContext context, int centres = 1) : Objective
{
    /// <inheritdoc/>
    public sealed override bool ComparesEmbeddings => false;

    /// <inheritdoc/>
    public sealed override double PartsRate => options.PartsRate;

    /// <inheritdoc/>
    public sealed override EncoderParts? Parts => Proxies.Parts((long)context.Classes * centres, Initialise);

    /// <inheritdoc/>
    public sealed override Tensor Loss(LabelledEmbeddings batch, Encoder encoder) => Loss(batch, Proxies.Of(encoder));

    /// <inheritdoc/>
    public override IEnumerable<(string Name, double Value)> Facts(LabelledEmbeddings batch, Encoder encoder)
    {
        using var scope = NewDisposeScope();
        var own = ClassCosines.Own(Encoder.Unit(batch.Anchors), Proxies.Of(encoder), batch.Labels, centres);
        return [("proxySimilarity", own.mean().to(float64).item<double>())];
    }

    /// <summary>The loss, a scalar with a graph.</summary>
    /// <param name="batch">The embeddings.</param>
    /// <param name="proxies">Of unit length, [K * C, D], the C of a class one after the other.</param>
    protected abstract Tensor Loss(LabelledEmbeddings batch, Tensor proxies);

    /// <summary>Fills proxies, [K * C, D], from the process's generator.</summary>
    protected abstract void Initialise(Tensor proxies);
}

/// <summary>Settings of all objectives with proxies.</summary>
public abstract class ProxyOptions
{
    /// <summary>How many times the learning rate of the network the proxies have.</summary>
    [Range(0.0, 1e6, MinimumIsExclusive = true)]
    public double PartsRate { get; set; } = 1;
}
