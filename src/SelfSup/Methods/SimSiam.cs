using SelfSup.Augmentation;
using SelfSup.Catalogs;
using SelfSup.Losses;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Methods;

/// <summary>
/// Simple siamese networks (Chen and He 2021, https://arxiv.org/abs/2011.10566, algorithm 1): each view's prediction is
/// compared with the other's projection, through which no gradient flows. There is neither a negative nor a second encoder.
/// </summary>
[Named("simsiam")]
[Paper("Chen and He 2021, exploring simple siamese representation learning", "https://arxiv.org/abs/2011.10566")]
[Views(2)]
internal sealed class SimSiam(SimSiamOptions options, MethodContext context) : Method(context, Predictor.Parts(options.Predictor))
{
    /// <inheritdoc/>
    public override int Views => 2;

    /// <summary>Predictions p1, p2 and projections z1, z2.</summary>
    public override IReadOnlyList<Tensor> Embed(Encoder encoder, ViewBatch batch)
    {
        Tensor[] projections = [.. batch.Views.Select(encoder.Project)];
        return [.. projections.Select(z => Predictor.Predict(encoder, z)), .. projections.Select(Encoder.Unit)];
    }

    /// <inheritdoc/>
    public override Tensor Compare(ViewBatch batch, Embeddings embeddings)
    {
        if (embeddings.Learned is not [var p1, var p2, var z1, var z2])
        {
            throw new ArgumentException("not the embeddings of this method", nameof(embeddings));
        }

        return (NegativeCosine.Loss(p1, z2.detach()) + NegativeCosine.Loss(p2, z1.detach())) / 2;
    }

    /// <inheritdoc/>
    public override (Tensor First, Tensor Second) Positives(ViewBatch batch, Embeddings embeddings) => (embeddings.Learned[2], embeddings.Learned[3]);
}

/// <summary>The <c>method</c> section.</summary>
internal sealed class SimSiamOptions
{
    /// <summary>The predictor; the paper's is a bottleneck of a quarter of the embedding's width, 512 of 2,048.</summary>
    public PredictorOptions Predictor { get; set; } = new() { Hidden = 512 };
}
