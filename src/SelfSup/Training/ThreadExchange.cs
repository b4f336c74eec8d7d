using SelfSup.Models;

using static TorchSharp.torch;

namespace SelfSup.Training;

/// <summary>Statistics of a batch that threads of one process share.</summary>
/// <param name="members">How many threads.</param>
/// <param name="failed">Cancelled when one of them will not come any more.</param>
internal sealed class ThreadExchange(int members, CancellationToken failed) : IDisposable
{
    // Who has its numbers may be one exchange ahead of who reads the last ones, never two.
    private readonly double[][][] _numbers = [new double[members][], new double[members][]];
    private readonly CancellationToken _failed = failed;
    private readonly Barrier _barrier = new(members);

    /// <summary>The side of one thread.</summary>
    public IStatisticsExchange Of(int rank) => new Member(this, rank);

    public void Dispose() => _barrier.Dispose();

    private sealed class Member(ThreadExchange exchange, int rank) : IStatisticsExchange
    {
        private int _turn;

        public IReadOnlyList<double[]> Gather(double[] own)
        {
            var numbers = exchange._numbers[_turn];
            _turn = 1 - _turn;
            numbers[rank] = own;
            exchange._barrier.SignalAndWait(exchange._failed);
            return numbers;
        }

        public Tensor Gather(Tensor own) => stack(Gather(own.cpu().data<double>().ToArray()).Select(numbers => tensor(numbers, device: own.device)));
    }
}
