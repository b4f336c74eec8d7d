using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>
/// What methods without negatives minimise: minus the cosine between a prediction and what it predicts. One direction of
/// SimSiam (Chen and He 2021, https://arxiv.org/abs/2011.10566, eq. 1); one of BYOL (Grill et al. 2020,
/// https://arxiv.org/abs/2006.07733, eq. 2) is 2 + 2 times it.
/// </summary>
public static class NegativeCosine
{
    /// <summary>The mean over this rank's views, from -1 to 1.</summary>
    /// <param name="prediction">Of any length: it is normalised here, [N, D].</param>
    /// <param name="target">What each predicts, likewise, [N, D]; a constant where the method stops its gradient.</param>
    /// <returns>A scalar.</returns>
    public static Tensor Loss(Tensor prediction, Tensor target) =>
        -(nn.functional.normalize(prediction, dim: 1) * nn.functional.normalize(target, dim: 1)).sum(dim: 1).mean();
}
