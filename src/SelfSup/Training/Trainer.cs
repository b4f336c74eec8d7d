using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Optimization;
using SelfSup.Telemetry;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>One optimizer step, for every method. It fits on this screen.</summary>
/// <param name="method">What is learned.</param>
/// <param name="optimizer">How gradients change weights.</param>
/// <param name="schedule">The learning rate of each step.</param>
/// <param name="communicator">The ranks of the run.</param>
/// <param name="embedder">How a batch gets through the network.</param>
/// <param name="device">Where the weights live.</param>
/// <param name="clipGradientNorm">The longest gradient that is applied as it is, or null.</param>
/// <param name="clock">Told of each part of a step, or null.</param>
internal sealed class Trainer(
    Method method,
    IOptimizer optimizer,
    ILearningRateSchedule schedule,
    Communicator communicator,
    IEmbedder embedder,
    Device device,
    double? clipGradientNorm,
    StepClock? clock = null) : IStateful
{
    /// <summary>Learns from one batch of views.</summary>
    public StepReport Step(ViewBatch batch)
    {
        using var scope = NewDisposeScope(); // every tensor of the step ends with it
        var parameters = method.Encoder.Parameters;
        var onDevice = batch.To(device);
        clock?.Lap(StepPart.Transfer);

        parameters.Gradients.zero_();
        clock?.Lap(StepPart.Optimizer);
        var embeddings = embedder.Embed(onDevice);
        clock?.Lap(StepPart.Forward);
        var loss = method.Compare(onDevice, embeddings);
        clock?.Lap(StepPart.Compare);
        embedder.Backward(loss);
        clock?.Lap(StepPart.Backward);
        communicator.AllReduceMean(parameters.Gradients);
        clock?.Lap(StepPart.AllReduce);
        var norm = clipGradientNorm is { } most ? parameters.ClipGradients(most) : parameters.GradientNorm();
        clock?.Lap(StepPart.GradientNorm);
        method.Adjust(onDevice);
        var learningRate = schedule.At(batch.Step);
        optimizer.Step(learningRate);
        clock?.Lap(StepPart.Optimizer);
        method.Commit(onDevice, embeddings);
        clock?.Lap(StepPart.Commit);

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
