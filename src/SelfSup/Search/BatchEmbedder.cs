using System.Collections.Concurrent;

using SelfSup.Augmentation;
using SelfSup.Evaluation;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Search;

/// <summary>
/// Puts batches through copies of an encoder, each on a thread of its own, whichever is free, and hands the results over in the
/// order of the batches.
/// </summary>
internal sealed class BatchEmbedder : IDisposable
{
    private readonly Representation _of;
    private readonly bool _isUnit;
    private readonly BlockingCollection<Work> _work = [];
    private readonly Thread[] _threads;

    /// <param name="devices">The copies.</param>
    /// <param name="of">What of them.</param>
    /// <param name="isUnit">Whether rows are brought to unit length.</param>
    public BatchEmbedder(IReadOnlyList<EmbedDevice> devices, Representation of, bool isUnit)
    {
        (_of, _isUnit) = (of, isUnit);
        _threads = [.. devices.Select((device, number) => new Thread(() => Run(device)) { IsBackground = true, Name = $"embedding {number}" })];
        Array.ForEach(_threads, thread => thread.Start());
    }

    /// <summary>Batches that are in the network or next to it: one on each device and one that waits.</summary>
    public static int Window(int devices) => devices + 1;

    /// <summary>Embeds batch after batch.</summary>
    /// <param name="steps">The batches, which are handed back when they are done; null for a step without images.</param>
    /// <returns>As many results, in that order; null for null.</returns>
    public IEnumerable<EmbeddedBatch?> Embed(IEnumerable<ViewBatch?> steps)
    {
        var waiting = new Queue<Work>();
        foreach (var batch in steps)
        {
            var work = new Work(batch);
            waiting.Enqueue(work);
            if (batch is not null)
            {
                _work.Add(work);
            }

            if (waiting.Count == Window(_threads.Length))
            {
                yield return waiting.Dequeue().Result();
            }
        }

        while (waiting.TryDequeue(out var last))
        {
            yield return last.Result();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _work.CompleteAdding();
        Array.ForEach(_threads, thread => thread.Join());
        _work.Dispose();
    }

    private void Run(EmbedDevice device)
    {
        set_num_threads(device.Threads); // each thread has its own
        foreach (var work in _work.GetConsumingEnumerable())
        {
            work.Do(batch => Embed(device, batch));
        }
    }

    private EmbeddedBatch Embed(EmbedDevice device, ViewBatch batch)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var views = batch.Views.Count;
        var rows = FeatureExtractor.Forward(device.Encoder, views == 1 ? batch.Views[0] : cat([.. batch.Views]), device.Compute, _of);
        if (views > 1)
        {
            rows = rows.view(views, -1, rows.shape[1]).mean([0]);
        }

        rows = (_isUnit ? Encoder.Unit(rows) : rows).contiguous();
        return new EmbeddedBatch(batch.Samples.data<long>().ToArray(), rows.data<float>().ToArray());
    }

    /// <summary>A batch on its way.</summary>
    private sealed class Work(ViewBatch? batch)
    {
        private readonly TaskCompletionSource<EmbeddedBatch?> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Do(Func<ViewBatch, EmbeddedBatch> embed)
        {
            try
            {
                EmbeddedBatch result;
                using (batch)
                {
                    result = embed(batch!);
                }

                _done.SetResult(result); // the batch is back by then
            }
            catch (Exception e)
            {
                _done.SetException(e);
            }
        }

        public EmbeddedBatch? Result() => batch is null ? null : _done.Task.GetAwaiter().GetResult();
    }
}

/// <summary>What was made of a batch.</summary>
/// <param name="Samples">The index of each image in its source, [N].</param>
/// <param name="Values">[N, D].</param>
internal sealed record EmbeddedBatch(long[] Samples, float[] Values)
{
    /// <summary>D.</summary>
    public int Width => Values.Length / Samples.Length;
}
