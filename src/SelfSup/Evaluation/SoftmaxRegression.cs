using TorchSharp;

using static TorchSharp.torch;

namespace SelfSup.Evaluation;

/// <summary>
/// The objective of multinomial logistic regression as a function of a flat tensor [K * F + K], weights then biases:
/// the sum of the cross-entropies of all images + |W|^2 / (2 C). The biases are not penalised. Sums are made in
/// float64, in tiles of rows.
/// </summary>
internal sealed class SoftmaxRegression : IDisposable
{
    private const long ConvertedAtOnce = 1 << 27; // 1 GiB of float64
    private const long TileElements = 1 << 22;

    private readonly Tensor _features; // [M, F]
    private readonly Tensor _labels; // [M]
    private readonly long _classes;
    private readonly double _penalty;
    private readonly long _tileRows;

    /// <param name="features">[M, F]; borrowed.</param>
    /// <param name="labels">[M], int64, from 0 to <paramref name="classes"/> - 1; borrowed.</param>
    /// <param name="classes">K.</param>
    /// <param name="c">C, the inverse of the penalty's weight.</param>
    public SoftmaxRegression(Tensor features, Tensor labels, long classes, double c)
    {
        var converted = features.numel() <= ConvertedAtOnce ? features.to(float64) : features;
        _features = converted.alias().DetachFromDisposeScope();
        (_labels, _classes, _penalty) = (labels, classes, 1 / c);
        _tileRows = Math.Max(1, TileElements / Math.Max(classes, features.shape[1]));
    }

    /// <summary>The length of the flat tensor.</summary>
    public long Parameters => _classes * (_features.shape[1] + 1);

    /// <summary>The weights, [K, F], as a view of a flat tensor.</summary>
    public Tensor Weight(Tensor flat) => flat.narrow(0, 0, flat.numel() - _classes).view(_classes, -1);

    /// <summary>The biases, [K], as a view of a flat tensor.</summary>
    public Tensor Bias(Tensor flat) => flat.narrow(0, flat.numel() - _classes, _classes);

    /// <summary>
    /// The objective at <paramref name="point"/>, [P]; its gradient is written into <paramref name="gradient"/>.
    /// </summary>
    public double Value(Tensor point, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (weight, bias) = (Weight(point), Bias(point));
        var (weightGradient, biasGradient) = (Weight(gradient), Bias(gradient));
        weightGradient.copy_(weight).mul_(_penalty);
        biasGradient.zero_();
        var value = weight.reshape(-1).dot(weight.reshape(-1)).ToDouble() * _penalty / 2;
        for (var start = 0L; start < _labels.shape[0]; start += _tileRows)
        {
            using var tile = NewDisposeScope();
            var rows = Math.Min(_tileRows, _labels.shape[0] - start);
            var inputs = _features.narrow(0, start, rows).to(float64);
            var labels = _labels.narrow(0, start, rows).unsqueeze(1);
            var logits = addmm(bias, inputs, weight.t(), 1, 1); // [rows, K]
            var normalizer = logits.logsumexp(1, keepdim: true);
            value += (normalizer - logits.gather(1, labels)).sum().ToDouble();
            // d CE / d logits = softmax - one hot
            logits.sub_(normalizer).exp_().scatter_add_(1, labels, full_like(normalizer, -1));
            weightGradient.addmm_(logits.t(), inputs, 1, 1);
            biasGradient.add_(logits.sum(dim: 0));
        }

        return value;
    }

    /// <inheritdoc/>
    public void Dispose() => _features.Dispose();
}
