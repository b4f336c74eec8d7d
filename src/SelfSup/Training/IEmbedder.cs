using SelfSup.Augmentation;
using SelfSup.Methods;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>
/// How a batch gets through the network and its gradient back. A method embeds image by image and compares embeddings of
/// the whole batch, so how many images are in the network at once is no concern of it.
/// </summary>
internal interface IEmbedder : IDisposable
{
    /// <summary>Told of the stages of the network in the last pass of a batch whose gradient flows back; or null.</summary>
    Models.IStageWatch? Watch { get; set; }

    /// <summary>Embeds all images of a batch.</summary>
    Embeddings Embed(ViewBatch batch);

    /// <summary>
    /// The embeddings of a batch once more, without a graph and all through the method's own encoder on this thread, for a look
    /// into the network. It leaves statistics of normalisations behind.
    /// </summary>
    Embeddings Again(ViewBatch batch);

    /// <summary>Adds the gradient of a loss over the last batch's embeddings to the gradients of the encoder.</summary>
    void Backward(Tensor loss);
}
