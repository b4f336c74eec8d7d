using System.ComponentModel.DataAnnotations;

using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Methods;
using SelfSup.Models;

using static TorchSharp.torch;

namespace OwnMethod;

/// <summary>
/// Alignment and uniformity (Wang and Isola 2020, https://arxiv.org/abs/2005.10242, section 4): the views of an image are to
/// lie close together, all images together are to cover the sphere. What a contrastive loss does in the limit, said directly.
/// </summary>
[Named("alignUniform")]
[Paper("Wang and Isola 2020, alignment and uniformity", "https://arxiv.org/abs/2005.10242")]
[Views(2)]
public sealed class AlignUniform(AlignUniformOptions options, MethodContext context) : Method(context)
{
    /// <inheritdoc/>
    public override int Views => 2;

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch) =>
        encoder.Embed(cat([batch.Views[0], batch.Views[1]])).chunk(2); // twice [N, D]

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        var (x, y) = (embeddings.Learned[0], embeddings.Learned[1]);
        return Alignment(x, y) + (options.UniformityWeight * (Uniformity(x) + Uniformity(y)) / 2);
    }

    /// <summary>The mean of |x - y|^alpha over images.</summary>
    private Tensor Alignment(Tensor x, Tensor y) => (x - y).norm(dim: 1).pow(options.Alpha).mean();

    /// <summary>log of the mean of exp(-t |x_i - x_j|^2) over pairs of this rank's images.</summary>
    private Tensor Uniformity(Tensor x)
    {
        var others = ones(x.shape[0], x.shape[0], dtype: @bool, device: x.device).triu(diagonal: 1);
        var squares = 2 - (2 * x.mm(x.t()).masked_select(others)); // of unit vectors
        return (-options.T * squares).exp().mean().log();
    }
}

/// <summary>The <c>method</c> section.</summary>
public sealed class AlignUniformOptions
{
    /// <summary>The power of distances between views; the paper's 2.</summary>
    [Range(0.0, 16.0, MinimumIsExclusive = true)]
    public double Alpha { get; set; } = 2;

    /// <summary>How near images repel each other; the paper's 2.</summary>
    [Range(0.0, 100.0, MinimumIsExclusive = true)]
    public double T { get; set; } = 2;

    /// <summary>lambda, how much uniformity counts beside alignment.</summary>
    [Range(0.0, 1000.0)]
    public double UniformityWeight { get; set; } = 1;
}
