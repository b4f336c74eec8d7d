using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Tests.Checkpoints;

/// <summary>A small state: a tensor and a number, both of which say how far it has counted.</summary>
internal sealed class Counter(long count) : IStateful, IDisposable
{
    public Tensor Value { get; } = full(3, count, float32).DetachFromDisposeScope();

    public long Count { get; private set; } = count;

    public void Next()
    {
        Value.add_(1);
        Count++;
    }

    public void Exchange(StateArchive archive)
    {
        archive.Tensor("value", Value);
        Count = archive.Number("count", Count);
    }

    public void Dispose() => Value.Dispose();
}
