using System.Runtime.ExceptionServices;

using SelfSup.Augmentation;
using SelfSup.Errors;
using SelfSup.Methods;
using SelfSup.Models;
using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>
/// A batch goes through copies of the encoder at the same time, a part through each on threads of its own: a CPU computes
/// several small batches at once faster than one large one on all its cores. The copies share their weights, and BatchNorm
/// normalises over all parts together, so the result is that of the whole batch up to rounding.
/// </summary>
internal sealed class ReplicaGroup : IEmbedder
{
    private readonly Method _method;
    private readonly Compute _compute;
    private readonly Replica[] _replicas;
    private readonly ThreadExchange _exchange;
    private readonly CancellationTokenSource _failed = new();
    private Tensor[] _learned = [];

    /// <param name="method">What is learned.</param>
    /// <param name="replicas">Parts at the same time; the first goes through the method's own encoder.</param>
    /// <param name="threads">Threads of all of them together.</param>
    /// <param name="compute">How they compute.</param>
    public ReplicaGroup(Method method, int replicas, int threads, Compute compute)
    {
        (_method, _compute) = (method, compute);
        _exchange = new ThreadExchange(replicas, _failed.Token);
        _replicas = [.. Enumerable.Range(0, replicas).Select(rank => new Replica(
            rank == 0 ? method.Encoder : Copy(method),
            ownsEncoder: rank != 0,
            _exchange.Of(rank),
            threads: ((rank + 1) * threads / replicas) - (rank * threads / replicas),
            rank))];
    }

    /// <summary>Nobody: gradients of replicas are summed after all of them have gone back.</summary>
    public IStageWatch? Watch { get; set; }

    /// <inheritdoc/>
    public Embeddings Embed(ViewBatch batch)
    {
        var parts = batch.Parts(_replicas.Length);
        if (parts.Count < _replicas.Length)
        {
            throw new TrainingException(
                $"run.replicas: step {batch.Step} has {parts.Count} images for {_replicas.Length} replicas, must have one for each; lower it");
        }

        var learned = new IReadOnlyList<Tensor>[_replicas.Length];
        All((replica, rank) => learned[rank] = replica.Embed(_method, parts[rank], _compute));
        _learned = [.. Enumerable.Range(0, learned[0].Count).Select(i => cat([.. learned.Select(part => part[i])]))];
        Array.ForEach(_learned, embedding => embedding.requires_grad_());
        foreach (var part in learned.SelectMany(part => part))
        {
            part.Dispose();
        }

        using var _ = _compute.Enter();
        return new Embeddings(_learned, WholeBatch.Targets(_method, batch));
    }

    /// <inheritdoc/>
    public Embeddings Again(ViewBatch batch) => WholeBatch.Again(_method, _compute, batch);

    /// <inheritdoc/>
    public void Backward(Tensor loss)
    {
        GuardedBackward.Run(loss);
        var gradients = _learned.Select(embedding => embedding.grad ?? zeros_like(embedding)).ToArray();
        All((replica, _) => replica.Backward(gradients));
        using var _ = no_grad();
        foreach (var replica in _replicas.Skip(1))
        {
            _method.Encoder.Parameters.Gradients.add_(replica.Encoder.Parameters.Gradients);
        }

        _learned = [];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _failed.Cancel();
        Array.ForEach(_replicas, replica => replica.Dispose());
        _exchange.Dispose();
        _failed.Dispose();
    }

    private static Encoder Copy(Method method)
    {
        var copy = method.NewEncoder();
        copy.Parameters.Share(method.Encoder.Parameters);
        copy.LearnAs(method.Encoder);
        return copy;
    }

    /// <summary>Lets every replica do its part, and throws what one of them met.</summary>
    private void All(Action<Replica, int> work)
    {
        var failures = new ExceptionDispatchInfo?[_replicas.Length];
        using var done = new CountdownEvent(_replicas.Length);
        for (var i = 0; i < _replicas.Length; i++)
        {
            var rank = i;
            _replicas[rank].Post(() =>
            {
                try
                {
                    work(_replicas[rank], rank);
                }
                catch (Exception e)
                {
                    failures[rank] = ExceptionDispatchInfo.Capture(e);
                    _failed.Cancel(); // the others would wait for its statistics
                }
                finally
                {
                    done.Signal();
                }
            });
        }

        done.Wait();
        // Those who were only waiting for the one that failed say that they were cancelled.
        (failures.FirstOrDefault(f => f?.SourceException is not (null or OperationCanceledException))
            ?? failures.FirstOrDefault(f => f is not null))?.Throw();
    }

    /// <summary>A copy of the encoder and the thread that computes with it: dispose scopes and precision are the thread's.</summary>
    private sealed class Replica : IDisposable
    {
        private readonly SemaphoreSlim _posted = new(0);
        private readonly Thread _thread;
        private readonly bool _ownsEncoder;
        private Action? _work;
        private DisposeScope? _scope;
        private IReadOnlyList<Tensor> _learned = [];
        private long _first;

        public Replica(Encoder encoder, bool ownsEncoder, IStatisticsExchange exchange, int threads, int rank)
        {
            (Encoder, _ownsEncoder) = (encoder, ownsEncoder);
            _thread = new Thread(() =>
            {
                set_num_threads(Math.Max(1, threads));
                BatchNormalisation.Exchange = exchange;
                Work();
            })
            {
                IsBackground = true,
                Name = $"replica {rank}",
            };
            _thread.Start();
        }

        public Encoder Encoder { get; }

        public void Post(Action work)
        {
            _work = work;
            _posted.Release();
        }

        /// <summary>Embeds a part; the graph stays here. The result belongs to no scope.</summary>
        public IReadOnlyList<Tensor> Embed(Method method, ViewBatch part, Compute compute)
        {
            _scope?.Dispose();
            _scope = NewDisposeScope();
            _first = part.FirstRow;
            if (_ownsEncoder)
            {
                Encoder.Parameters.Gradients.zero_();
            }

            using (compute.Enter())
            {
                _learned = method.Embed(Encoder, part);
            }

            return [.. _learned.Select(embedding => embedding.detach().DetachFromDisposeScope())];
        }

        /// <summary>Takes its rows of the embeddings' gradients back to the weights.</summary>
        public void Backward(Tensor[] gradients)
        {
            Tensor[] own = [.. gradients.Select(g => g.narrow(0, _first, _learned[0].shape[0]))];
            GuardedBackward.Run(_learned, own);
            _scope!.Dispose();
            (_scope, _learned) = (null, []);
        }

        public void Dispose()
        {
            Post(null!);
            _thread.Join();
            _posted.Dispose();
            if (_ownsEncoder)
            {
                Encoder.Dispose();
            }
        }

        private void Work()
        {
            while (true)
            {
                _posted.Wait();
                if (_work is null)
                {
                    _scope?.Dispose();
                    return;
                }

                _work();
            }
        }
    }
}
