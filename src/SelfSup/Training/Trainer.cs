using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Diagnostics;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
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
/// <param name="options">What it does beside learning.</param>
/// <param name="clock">Told of each part of a step, or null.</param>
/// <param name="heartbeat">Told of the long ones, or null.</param>
internal sealed class Trainer(
    Method method,
    IOptimizer optimizer,
    ILearningRateSchedule schedule,
    Communicator communicator,
    IEmbedder embedder,
    Device device,
    TrainerOptions options,
    StepClock? clock = null,
    Heartbeat? heartbeat = null) : IStateful
{
    private readonly Tensor[] _statistics = [.. method.Encoders.SelectMany(encoder => encoder.buffers())];
    private readonly GradientAverage _gradients = new(method.Encoder, communicator, options.Overlap);
    private readonly RankReplicas _replicas = new(method, communicator);
    private readonly IStatisticsExchange? _exchange =
        communicator.Ranks > 1 && method.SharesBatchNorm ? new RankExchange(communicator) : null;

    /// <summary>Whether gradients are averaged beside the backward pass.</summary>
    public bool Overlaps
    {
        get => _gradients.Overlaps;
        set => _gradients.Overlaps = value;
    }

    /// <summary>What all ranks have of their own and must have alike.</summary>
    public RankReplicas Replicas => _replicas;

    /// <summary>Learns from one batch of views. A step whose loss or gradient is no number changes nothing.</summary>
    /// <param name="batch">The views.</param>
    /// <param name="beforeChange">Called when gradients are there and nothing but statistics has changed yet, or null.</param>
    public StepReport Step(ViewBatch batch, Action? beforeChange = null)
    {
        using var scope = NewDisposeScope(); // every tensor of the step ends with it
        var parameters = method.Encoder.Parameters;
        var onDevice = method.Prepare(batch.To(device));
        clock?.Lap(StepPart.Transfer);

        using var statistics = new BufferSnapshot(_statistics);
        (embedder.Watch, BatchNormalisation.Exchange) = (_gradients.Watch, _exchange);
        parameters.Gradients.zero_();
        clock?.Lap(StepPart.Optimizer);
        heartbeat?.Beat("forward pass");
        var embeddings = embedder.Embed(onDevice);
        clock?.Lap(StepPart.Forward);
        heartbeat?.Beat("loss");
        var loss = method.Compare(onDevice, embeddings);
        clock?.Lap(StepPart.Compare);
        heartbeat?.Beat("backward pass");
        embedder.Backward(loss);
        clock?.Lap(StepPart.Backward);
        heartbeat?.Beat("gradients and weights");
        _gradients.Finish();
        var lossOfAll = Mean(loss);
        clock?.Lap(StepPart.AllReduce);
        beforeChange?.Invoke();
        clock?.Lap(StepPart.Checkpoint);
        method.Adjust(onDevice);
        var norm = options.ClipGradientNorm is { } most ? parameters.ClipGradients(most) : parameters.GradientNorm();
        clock?.Lap(StepPart.GradientNorm);
        var learningRate = schedule.At(batch.Step);
        if (!double.IsFinite(norm) || !double.IsFinite(lossOfAll))
        {
            statistics.Restore(); // the step is left out: all is as it was before it
            return new StepReport(batch.Step + 1, lossOfAll, learningRate, norm);
        }

        optimizer.Step(learningRate);
        clock?.Lap(StepPart.Optimizer);
        method.Commit(onDevice, embeddings);
        _replicas.StepDone(batch.Step + 1, averages: _exchange is null, options.CompareRanksEverySteps);
        clock?.Lap(StepPart.Commit);

        return Looked(onDevice, embeddings, new StepReport(batch.Step + 1, lossOfAll, learningRate, norm)); // waits for the device
    }

    /// <summary>Where the first number comes from that is none, when the last step was left out.</summary>
    public string Explain(ViewBatch batch, StepReport report) => new NonFiniteSearch(method, embedder, device, communicator).Describe(batch, report);

    /// <inheritdoc/>
    public void Exchange(StateArchive archive)
    {
        archive.Part("method", method);
        archive.Part("optimizer", optimizer);
    }

    /// <summary>The loss of the whole batch; waits for the device.</summary>
    private double Mean(Tensor loss)
    {
        if (communicator.Ranks == 1)
        {
            return loss.to(float32).item<float>();
        }

        using var _ = no_grad();
        var mean = loss.detach().to(float64).cpu().reshape(1); // where ranks have lost one another, this is not read as if it were a loss
        communicator.AllReduceMean(mean);
        return mean.item<double>();
    }

    /// <summary>Every so many steps, with what the embedding space looks like.</summary>
    private StepReport Looked(ViewBatch batch, Embeddings embeddings, StepReport report)
    {
        if ((report.Step - 1) % options.LookEverySteps != 0)
        {
            return report;
        }

        var (own, ownSecond) = method.Positives(batch, embeddings);
        using var _ = no_grad();
        var (first, second) = (communicator.AllGather(own.detach()), communicator.AllGather(ownSecond.detach()));
        var classes = method.ClassesOf(batch) is { } ownClasses ? communicator.AllGather(ownClasses) : null;
        return report with
        {
            Space = EmbeddingReport.Of(first, second, classes, method.LeastEffectiveRank) with
            {
                Histograms = options.CountsAt(report.Step) && communicator.Rank == 0 ? EmbeddingHistograms.Of(first, second, classes) : null,
            },
            Facts = method.Facts(batch, embeddings, report.Loss).ToDictionary(fact => fact.Name, fact => fact.Value),
        };
    }
}

/// <param name="ClipGradientNorm">The longest gradient that is applied as it is, or null.</param>
/// <param name="LookEverySteps">After the first step and then after so many, a report says what the embedding space looks like.</param>
/// <param name="Overlap">Whether several ranks average gradients beside the backward pass.</param>
/// <param name="CompareRanksEverySteps">After so many steps they compare their weights; 0 for never.</param>
/// <param name="HistogramsEverySteps">At the first look, and at the first after every so many steps, a report has histograms; null for never.</param>
internal sealed record TrainerOptions(
    double? ClipGradientNorm = null,
    int LookEverySteps = 10,
    bool Overlap = true,
    int CompareRanksEverySteps = 0,
    int? HistogramsEverySteps = null)
{
    /// <summary>Whether a look after so many steps has histograms: a function of the step, for runs that go on.</summary>
    public bool CountsAt(long step) => HistogramsEverySteps is { } every
        && (step == 1 || (step - 1) / every != (step - 1 - LookEverySteps) / every);
}

/// <summary>What a step gave.</summary>
/// <param name="Step">How many steps are done with it.</param>
/// <param name="Loss">The mean loss over the batch, before the update.</param>
/// <param name="LearningRate">The learning rate it was made with.</param>
/// <param name="GradientNorm">The Euclidean norm of all gradients, before clipping.</param>
public sealed record StepReport(long Step, double Loss, double LearningRate, double GradientNorm)
{
    /// <summary>What the embedding space looks like, at some steps.</summary>
    internal EmbeddingReport? Space { get; init; }

    /// <summary>What else the method has to tell, by name, at the same steps.</summary>
    public IReadOnlyDictionary<string, double>? Facts { get; init; }

    /// <summary>Whether loss and gradient are numbers; if not, the step was left out.</summary>
    public bool IsFinite => double.IsFinite(Loss) && double.IsFinite(GradientNorm);
}
