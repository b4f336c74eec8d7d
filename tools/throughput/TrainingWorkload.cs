using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Optimization;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tools.Throughput;

/// <summary>Steps on views that are there already, again and again the same ones.</summary>
internal sealed class TrainingWorkload : IStateful, IDisposable
{
    /// <summary>
    /// Our own kernels start in the JIT's first tier, which does not optimise. They are called often enough in a step to
    /// be compiled again, twice with the profile that is taken in between, but that happens beside the steps on a thread
    /// that gets little of two busy cores, and begins only when no new method came for a tenth of a second.
    /// </summary>
    private const int WarmUpSteps = 10;
    private const double WarmUpSeconds = 3;

    private readonly Method _method;
    private readonly Sgd _optimizer;
    private readonly WholeBatch _embedder;
    private readonly Trainer _trainer;
    private readonly Tensor[] _views; // twice [N, 3, S, S]
    private readonly Tensor _samples; // [N]

    /// <param name="options">The network.</param>
    /// <param name="compute">How it computes.</param>
    /// <param name="views">Two of each image, [N, 3, S, S] float32.</param>
    /// <param name="method">What is learned; SimCLR by default.</param>
    public TrainingWorkload(
        EncoderOptions options, Compute compute, IReadOnlyList<Tensor> views, Func<MethodContext, Method>? method = null)
    {
        using var scope = NewDisposeScope();
        var context = new MethodContext(parts => Encoder.Create(options, seed: 1, compute, parts), views[0].shape[0], Communicator.Single);
        _method = method?.Invoke(context) ?? new SimClr(new SimClrOptions { Temperature = 0.1 }, context);
        _optimizer = new Sgd(new SgdOptions { Momentum = 0.9, WeightDecay = 5e-4 }, _method.Encoder.Parameters);
        _embedder = new WholeBatch(_method, compute);
        _trainer = new Trainer(
            _method,
            _optimizer,
            new ConstantSchedule(new ConstantOptions { LearningRate = 0.01 }, new ScheduleSpan(1, 1)),
            Communicator.Single,
            _embedder,
            compute.Device,
            new TrainerOptions(LookEverySteps: int.MaxValue));
        _samples = arange(views[0].shape[0], dtype: int64).DetachFromDisposeScope();
        _views = [.. views.Select(view => Stored(view, compute.Views).DetachFromDisposeScope())];
    }

    /// <summary>P, trained values.</summary>
    public long Parameters => _method.Encoder.Parameters.Values.numel();

    /// <summary>The trained values by their names, float32; they belong to the current dispose scope.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Weights => _method.Encoder.Parameters.Segments.Select(
        segment => KeyValuePair.Create(segment.Name, segment.Of(_method.Encoder.Parameters.Values)));

    /// <summary>Works until the JIT is done with what a step calls.</summary>
    /// <returns>The loss of the first step.</returns>
    public double WarmUp()
    {
        var first = Step();
        Measure(WarmUpSeconds, WarmUpSteps - 1);
        return first;
    }

    /// <summary>Takes steps for so many seconds; milliseconds of one.</summary>
    public double Measure(double seconds, int least = 1)
    {
        var started = TimeProvider.System.GetTimestamp();
        var used = 0.0;
        var steps = 0;
        while (used < seconds || steps < least)
        {
            Step();
            steps++;
            used = TimeProvider.System.GetElapsedTime(started).TotalSeconds;
        }

        return 1000 * used / steps;
    }

    /// <inheritdoc/>
    public void Exchange(StateArchive archive) => _trainer.Exchange(archive);

    public void Dispose()
    {
        _embedder.Dispose();
        _optimizer.Dispose();
        _method.Dispose();
        _samples.Dispose();
        Array.ForEach(_views, view => view.Dispose());
    }

    /// <summary>Takes a step.</summary>
    /// <returns>Its loss.</returns>
    public double Step(Action? beforeChange = null)
    {
        using var batch = new ViewBatch(step: 0, epoch: 0, _samples, _samples, _views);
        return _trainer.Step(batch, beforeChange).Loss;
    }

    /// <summary>A view as the loader hands it over.</summary>
    private static Tensor Stored(Tensor view, ViewFormat format)
    {
        var values = view.to(format.IsBFloat16 ? bfloat16 : float32).clone();
        return format.ChannelsLast ? values.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : values;
    }
}
