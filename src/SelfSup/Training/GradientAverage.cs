using SelfSup.Distributed;
using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>
/// Averages gradients over ranks, stage by stage while the backward pass goes on: when it has left a stage, the gradients of the
/// stage's matrices are complete, and on their way while those of earlier stages are computed. What no stage holds, and biases and
/// norms, which are small and lie together, follow at the end.
/// </summary>
internal sealed class GradientAverage : IStageWatch
{
    // Below, a message costs its latency and no more.
    private const long SmallestSegmentBytes = 1 << 20;

    private readonly Encoder _encoder;
    private readonly Communicator _communicator;
    private readonly long _smallest; // values
    private readonly Dictionary<nn.Module, Stage> _stages = new(ReferenceEqualityComparer.Instance);
    private readonly List<(long First, long Length)> _begun = [];
    private readonly List<PendingReduction> _pending = [];
    private (long First, long Length) _waiting;

    /// <param name="encoder">What is trained.</param>
    /// <param name="communicator">The ranks.</param>
    /// <param name="overlaps">Whether it begins before the backward pass has ended.</param>
    /// <param name="smallestSegmentBytes">Stages that are smaller wait for the next.</param>
    public GradientAverage(Encoder encoder, Communicator communicator, bool overlaps, long smallestSegmentBytes = SmallestSegmentBytes)
    {
        (_encoder, _communicator, Overlaps) = (encoder, communicator, overlaps);
        _smallest = smallestSegmentBytes / encoder.Parameters.Gradients.element_size();
        foreach (var (name, module) in encoder.named_modules())
        {
            if (Range(name) is { } range)
            {
                _stages[module] = new Stage(range);
            }
        }
    }

    /// <summary>Whether it begins before the backward pass has ended.</summary>
    public bool Overlaps { get; set; }

    /// <summary>Whom a forward pass tells of its stages, the last one before the gradients are complete; null where nobody listens.</summary>
    public IStageWatch? Watch => Overlaps && _communicator.Ranks > 1 ? this : null;

    /// <inheritdoc/>
    public void Entered(nn.Module stage) => _stages.GetValueOrDefault(stage)?.Enter();

    /// <inheritdoc/>
    public void Left(nn.Module stage)
    {
        if (_stages.GetValueOrDefault(stage) is { } left && left.Leave())
        {
            // The way back goes from high addresses to low ones: stages that follow one another join.
            _waiting = _waiting.Length > 0 && left.Range.First + left.Range.Length == _waiting.First
                ? (left.Range.First, left.Range.Length + _waiting.Length)
                : Flushed(left.Range);
            if (_waiting.Length >= _smallest)
            {
                _waiting = Flushed(default);
            }
        }
    }

    /// <summary>The backward pass has ended: averages what is left, and waits for all.</summary>
    public void Finish()
    {
        if (_communicator.Ranks == 1)
        {
            return;
        }

        _waiting = Flushed(default);
        long from = 0;
        foreach (var (first, length) in _begun.Order().Append((_encoder.Parameters.Gradients.numel(), 0)).ToArray())
        {
            Begin(from, first - from);
            from = first + length;
        }

        _pending.ForEach(pending => pending.Wait());
        _pending.Clear();
        _begun.Clear();
        foreach (var stage in _stages.Values)
        {
            stage.Reset(); // calls whose result no loss depends on are never left
        }
    }

    /// <summary>Sends what waits on its way.</summary>
    /// <returns>What waits now.</returns>
    private (long First, long Length) Flushed((long First, long Length) next)
    {
        if (_waiting.Length > 0)
        {
            Begin(_waiting.First, _waiting.Length);
            _begun.Add(_waiting);
        }

        return next;
    }

    private void Begin(long first, long length)
    {
        if (length > 0)
        {
            using var segment = _encoder.Parameters.Gradients.narrow(0, first, length);
            _pending.Add(_communicator.BeginAllReduce(segment, Reduction.Mean));
        }
    }

    /// <summary>Where the matrices of a module lie, if they lie together.</summary>
    private (long First, long Length)? Range(string module)
    {
        var segments = _encoder.Parameters.Segments
            .Where(segment => !segment.IsBiasOrNorm && segment.Name.StartsWith(module + '.', StringComparison.Ordinal)).ToArray();
        return segments.Length > 0 && segments[^1].Offset + segments[^1].Length - segments[0].Offset == segments.Sum(segment => segment.Length)
            ? (segments[0].Offset, segments.Sum(segment => segment.Length))
            : null;
    }

    /// <summary>A stage, and how often the way back has still to leave it.</summary>
    private sealed class Stage((long First, long Length) range)
    {
        private int _open;

        public (long First, long Length) Range => range;

        public void Enter() => _open++;

        public bool Leave() => --_open == 0;

        public void Reset() => _open = 0;
    }
}
