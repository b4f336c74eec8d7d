using static TorchSharp.torch;

namespace SelfSup.Losses;

/// <summary>log(1 + exp(x)), the loss of logistic regression.</summary>
internal static class Softplus
{
    /// <summary>Where it equals x in float64 too.</summary>
    private const double LinearFrom = 40;

    /// <summary>With all digits, for any x: neither a large one nor one far below 0 loses any.</summary>
    public static Tensor Of(Tensor x) => nn.functional.softplus(x, beta: 1, threshold: LinearFrom);
}
