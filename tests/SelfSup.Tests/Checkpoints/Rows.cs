using SelfSup.Checkpoints;

using static TorchSharp.torch;

namespace SelfSup.Tests.Checkpoints;

/// <summary>A state of which a rank has some rows, and beside them what all ranks have alike.</summary>
internal sealed class Rows : IStateful, IDisposable
{
    public const long All = 10;

    private readonly long _first;
    private readonly bool _whole;

    /// <param name="rank">Which rank it is.</param>
    /// <param name="ranks">Among how many the rows are divided; one has them all and knows of no parts.</param>
    /// <param name="count">What the values tell; 0 for a state that is to be loaded.</param>
    public Rows(int rank, int ranks, long count)
    {
        _whole = ranks == 1;
        _first = All * rank / ranks;
        Value = Of(count).narrow(0, _first, (All * (rank + 1) / ranks) - _first).clone().DetachFromDisposeScope();
        Renewed = arange(_first, _first + Value.shape[0], dtype: int32).mul(count > 0 ? 1 : 0).to(int32).DetachFromDisposeScope();
        Counter = new Counter(count);
    }

    /// <summary>This rank's rows, [rows, 3].</summary>
    public Tensor Value { get; }

    /// <summary>Their numbers, [rows].</summary>
    public Tensor Renewed { get; }

    public Counter Counter { get; }

    /// <summary>Row i of all has i + count, 2i + count and 3i + count.</summary>
    public static Tensor Of(long count) => count == 0
        ? zeros(All, 3)
        : arange(0, All, dtype: float32).unsqueeze(1) * tensor(new[] { 1f, 2, 3 }) + count;

    /// <summary>Whether everything is that of a count.</summary>
    public bool Tells(long count) =>
        Value.equal(Of(count).narrow(0, _first, Value.shape[0])).all().item<bool>()
        && Renewed.equal(arange(_first, _first + Value.shape[0], dtype: int32)).all().item<bool>()
        && Counter.Count == count && Counter.Value[0].item<float>() == count;

    public void Exchange(StateArchive archive)
    {
        archive.Part("counter", Counter);
        archive.Part("bank", bank =>
        {
            if (_whole)
            {
                bank.Tensor("slots", Value);
                bank.Tensor("renewed", Renewed);
            }
            else
            {
                bank.Shard("slots", Value, _first, All);
                bank.Shard("renewed", Renewed, _first, All);
            }
        });
    }

    public void Dispose()
    {
        Value.Dispose();
        Renewed.Dispose();
        Counter.Dispose();
    }
}
