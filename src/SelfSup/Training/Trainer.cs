using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Optimization;
using SelfSup.Tensors;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>One optimizer step, for every method. It fits on this screen.</summary>
/// <param name="method">What is learned.</param>
/// <param name="optimizer">How gradients change weights.</param>
/// <param name="schedule">The learning rate of each step.</param>
/// <param name="communicator">The ranks of the run.</param>
/// <param name="device">Where the weights live.</param>
/// <param name="clipGradientNorm">The longest gradient that is applied as it is, or null.</param>
internal sealed class Trainer(
    Method method,
    IOptimizer optimizer,
    ILearningRateSchedule schedule,
    Communicator communicator,
    Device device,
    double? clipGradientNorm) : IStateful
{
    /// <summary>Learns from one batch of views.</summary>
    public StepReport Step(ViewBatch batch)
    {
        using var scope = NewDisposeScope(); // every tensor of the step ends with it
        var parameters = method.Encoder.Parameters;
        var onDevice = batch.To(device);

        parameters.Gradients.zero_();
        var embeddings = method.Embed(onDevice);
        var loss = method.Compare(onDevice, embeddings);
        GuardedBackward.Run(loss);
        communicator.AllReduceMean(parameters.Gradients);
        var norm = clipGradientNorm is { } most ? parameters.ClipGradients(most) : parameters.GradientNorm();
        var learningRate = schedule.At(batch.Step);
        optimizer.Step(learningRate);
        method.Commit(onDevice, embeddings);

        return new StepReport(batch.Step + 1, loss.to(float32).item<float>(), learningRate, norm); // waits for the device
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Part("method", method);
        archive.Part("optimizer", optimizer);
    }
}

/// <summary>What a step gave.</summary>
/// <param name="Step">How many steps are done with it.</param>
/// <param name="Loss">The mean loss over the batch, before the update.</param>
/// <param name="LearningRate">The learning rate it was made with.</param>
/// <param name="GradientNorm">The Euclidean norm of all gradients, before clipping.</param>
internal sealed record StepReport(long Step, double Loss, double LearningRate, double GradientNorm);
