using static TorchSharp.torch;

namespace SelfSup.Models;

/// <summary>
/// Lets networks that see parts of one batch normalise over all of it: each adds what it knows and gets everyone's. All of
/// them call it equally often and in the same order.
/// </summary>
internal interface IStatisticsExchange
{
    /// <summary>Everyone's numbers, in the same order for everyone.</summary>
    IReadOnlyList<double[]> Gather(double[] own);

    /// <summary>Everyone's numbers where they are: float64 [K] to [members, K].</summary>
    Tensor Gather(Tensor own);
}
