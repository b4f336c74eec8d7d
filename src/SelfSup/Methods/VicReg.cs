using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Losses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Variance, invariance, covariance (Bardes et al. 2022, https://arxiv.org/abs/2105.04906, eq. 6): views agree, every
/// dimension varies over the batch, and no two dimensions vary together.
/// </summary>
[Named("vicreg")]
[Paper("Bardes et al. 2022, variance-invariance-covariance regularization", "https://arxiv.org/abs/2105.04906")]
[Views(2)]
internal sealed class VicReg(VicRegOptions options, MethodContext context) : Method(context)
{
    private readonly VicRegWeights _weights = new(options.Invariance, options.Variance, options.Covariance, options.Convention);

    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) => [.. batch.Views.Select(encoder.Project)];

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings) => Losses.VicReg.Loss(
        Context.Communicator.GatherLearned(embeddings.Learned[0]), Context.Communicator.GatherLearned(embeddings.Learned[1]), _weights);
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class VicRegOptions
{
    /// <summary>lambda, what the distance of the views weighs.</summary>
    [Range(0.0, 10000.0)]
    public double Invariance { get; set; } = 25;

    /// <summary>mu, what too little deviation of a dimension weighs.</summary>
    [Range(0.0, 10000.0)]
    public double Variance { get; set; } = 25;

    /// <summary>nu, what covariance of dimensions weighs.</summary>
    [Range(0.0, 10000.0)]
    public double Covariance { get; set; } = 1;

    /// <summary>Whose variance term: that of the authors' code, which is half of it, or that of the paper's text.</summary>
    public VicRegConvention Convention { get; set; } = VicRegConvention.Authors;
}
