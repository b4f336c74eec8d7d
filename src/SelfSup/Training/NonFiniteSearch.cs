using SelfSup.Augmentation;
using SelfSup.Checkpoints;
using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>
/// Finds where the first number comes from that is none, once a step was left out for it: all is as it was before the step, and
/// its gradients are still there. It looks where a step does, in its order: at the images, the weights and what the method
/// remembers; at what comes out of every layer, the embeddings and the loss; and from the loss back at the gradients.
/// </summary>
/// <param name="method">What is learned.</param>
/// <param name="embedder">How a batch gets through the network.</param>
/// <param name="device">Where the weights live.</param>
/// <param name="communicator">The ranks, all of which search: what one has found, all say.</param>
internal sealed class NonFiniteSearch(Method method, IEmbedder embedder, Device device, Communicator communicator)
{
    /// <summary>What was found, for a message. It leaves nothing behind, and does not throw: it explains an error.</summary>
    /// <param name="batch">The batch of the step.</param>
    /// <param name="report">What the step gave.</param>
    public string Describe(ViewBatch batch, StepReport report)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var onDevice = method.Prepare(batch.To(device));
            var found = OfAll(Images(onDevice) ?? First(State().Where(value => !IsStatistic(value.Name))) ?? Memory())
                ?? Forward(onDevice, report) ?? Gradients();
            // These may have overflowed before: training does not compute with them, evaluations do.
            return First(State().Where(value => IsStatistic(value.Name))) is { } statistic ? $"{found}, and {statistic}" : found;
        }
        catch (Exception e) when (e is not CommunicationException)
        {
            return $"where it begins could not be found ({e.Message.ReplaceLineEndings(" ")})";
        }
    }

    /// <summary>What this rank has found, or another: they must go on, and into the network, together.</summary>
    private string? OfAll(string? own) => communicator.Ranks == 1
        ? own
        : communicator.Gather(own ?? "").Index().FirstOrDefault(text => text.Item.Length > 0) is { Item: { Length: > 0 } found } first
            ? $"on rank {first.Index}, {found}"
            : null;

    private static string? Images(ViewBatch batch)
    {
        for (var view = 0; view < batch.Views.Count; view++)
        {
            if (NonFiniteValues.In(batch.Views[view]) is { } values)
            {
                var bad = batch.Views[view].isfinite().flatten(1).all(1).logical_not(); // [N]
                return $"the images are no numbers already: view {view}, {values}, the first in image {batch.Samples.masked_select(bad)[0].item<long>()} of the data";
            }
        }

        return null;
    }

    /// <summary>Whether it is a running statistic, by the end of its name.</summary>
    private static bool IsStatistic(string name) =>
        name.EndsWith(".running_mean", StringComparison.Ordinal) || name.EndsWith(".running_var", StringComparison.Ordinal);

    private static string? First(IEnumerable<(string Name, Tensor Value)> state) => state
        .Select(value => NonFiniteValues.In(value.Value) is { } values ? $"{value.Name} is no number already ({values})" : null)
        .FirstOrDefault(found => found is not null);

    /// <summary>Parameters and buffers of every encoder, each as good as in the order in which it is used.</summary>
    private IEnumerable<(string Name, Tensor Value)> State() =>
        method.Encoders.SelectMany(encoder => encoder.State, (encoder, value) => (Of(encoder) + value.Name, value.Value));

    /// <summary>What is beside the encoders; the encoders themselves, which come along, are numbers.</summary>
    private string? Memory()
    {
        using var state = StateArchive.Saving();
        method.Exchange(state);
        return First(state.Entries.Where(entry => !IsStatistic(entry.Key)).Select(entry => (entry.Key, entry.Value))
            .Concat(state.Shards.Select(shard => (shard.Key, shard.Value.Rows)))) is { } found
            ? $"of what the method remembers, {found}"
            : null;
    }

    private string? Forward(ViewBatch batch, StepReport report)
    {
        string? found = null;
        var names = method.Encoders.SelectMany(encoder => encoder.named_modules().Select(m => (m.module, Name: Of(encoder) + m.name)))
            .DistinctBy(m => m.module).ToDictionary(m => m.module, m => m.Name);
        using var statistics = new BufferSnapshot(method.Encoders);
        try
        {
            Embeddings embeddings;
            using (new OutputWatch(method.Encoders, (module, input, output) => found ??= Layer(module, names, input, output)))
            {
                embeddings = embedder.Again(batch);
            }

            return OfAll(found) ?? OfAll(Embedded(embeddings)) ?? OfAll(Loss(batch, report, embeddings));
        }
        finally
        {
            statistics.Restore();
        }
    }

    private static string? Layer(nn.Module module, Dictionary<nn.Module, string> names, Tensor input, Tensor output)
    {
        if (NonFiniteValues.In(output) is not { } values)
        {
            return null;
        }

        var name = names.GetValueOrDefault(module, module.GetName());
        if (NonFiniteValues.In(input) is { } before)
        {
            return $"the first number that is none goes into {name} ({before}), and comes out of no layer before it";
        }

        Tensor[] weights = [.. module.parameters(recurse: false)];
        return $"the first number that is none comes out of {name} ({values}); what goes in is finite, up to {NonFiniteValues.Largest([input]):g2}"
            + (weights.Length == 0 ? "" : $", and its weights, up to {NonFiniteValues.Largest(weights):g2}");
    }

    private static string? Embedded(Embeddings embeddings)
    {
        foreach (var (what, list) in new[] { ("embeddings", embeddings.Learned), ("targets", embeddings.Constant) })
        {
            if (list.Select(NonFiniteValues.In).FirstOrDefault(v => v is not null) is { } values)
            {
                return $"all that comes out of layers is finite, the {what} that the method makes of it are not ({values})";
            }
        }

        return null;
    }

    private string? Loss(ViewBatch batch, StepReport report, Embeddings embeddings)
    {
        using var _ = enable_grad(); // as in a step: a loss may be computed in another way without
        Tensor[] learned = [.. embeddings.Learned.Select(embedding => embedding.detach().requires_grad_())];
        var loss = method.Compare(batch, embeddings with { Learned = learned }).to(float32).item<float>();
        if (!float.IsFinite(loss))
        {
            return $"embeddings and targets are finite, the loss that the method makes of them is {loss}";
        }

        return double.IsFinite(report.Loss)
            ? null
            : $"computed once more the same step has a loss of {loss:g4}: what computes it does not give the same result each time";
    }

    /// <summary>What is last on the way forward is first on the way back.</summary>
    private string Gradients()
    {
        var parameters = method.Encoder.Parameters;
        var gradients = parameters.Segments.ToDictionary(segment => segment.Name, segment => segment.Of(parameters.Gradients));
        var forward = method.Encoder.named_parameters().Select(p => p.name).ToArray();
        string[] bad = [.. forward.Where(name => NonFiniteValues.In(gradients[name]) is not null)];
        if (bad.Length > 0)
        {
            return $"the loss is finite; on the way back from it the first number that is none is in the gradient of {bad[^1]} "
                + $"({NonFiniteValues.In(gradients[bad[^1]])}; {bad.Length} of {forward.Length} gradients have some)";
        }

        var largest = forward.MaxBy(name => NonFiniteValues.Largest([gradients[name]]))!;
        return $"each gradient is finite, up to {NonFiniteValues.Largest([gradients[largest]]):g2} in that of {largest}, their norm is too large for its type";
    }

    private string Of(Encoder encoder) => encoder == method.Encoder ? "" : "the key encoder's ";
}
