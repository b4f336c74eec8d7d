using SelfSup.MetricLosses;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.MetricLosses;

/// <summary>Ranking losses against their papers' formulas in plain doubles, and awkward points.</summary>
public sealed class RankingTests
{
    private static readonly double[] _scores = [0.3, -1.2, 2.0, 0.3, 0.9];
    private static readonly double[] _relevance = [2, 0, 3, 2, 1];

    [Fact]
    public void RankNetIsTheMeanOverOrderedPairs()
    {
        using var scope = NewDisposeScope();
        var (hard, pairs, soft) = (0.0, 0, 0.0);
        for (var i = 0; i < 5; i++)
        {
            for (var j = 0; j < 5; j++)
            {
                var higher = 1 / (1 + Math.Exp(-1.5 * (_scores[i] - _scores[j])));
                if (_relevance[i] > _relevance[j])
                {
                    (hard, pairs) = (hard - Math.Log(higher), pairs + 1);
                }

                if (i < j)
                {
                    var target = 0.5 * (1 + Math.Sign(_relevance[i] - _relevance[j]));
                    soft -= (target * Math.Log(higher)) + ((1 - target) * Math.Log(1 - higher));
                }
            }
        }

        var (scores, relevance) = (tensor(_scores), tensor(_relevance));
        Assert.Equal(hard / pairs, RankNet.Loss(scores, relevance, 1.5).item<double>(), 1e-12);
        Assert.Equal(soft / 10, RankNet.SoftLoss(scores, relevance, 1.5).item<double>(), 1e-12);
        CentralDifferences.Agree(at => RankNet.Loss(at[0], relevance, 1.5), 1e-8, scores);
        CentralDifferences.Agree(at => RankNet.SoftLoss(at[0], relevance, 1.5), 1e-8, scores);
    }

    [Fact]
    public void ListNetIsTheCrossEntropyOfTopOneProbabilities()
    {
        using var scope = NewDisposeScope();
        double[] Softmax(double[] x) => [.. x.Select(v => Math.Exp(v) / x.Sum(Math.Exp))];
        var expected = -Softmax(_relevance).Zip(Softmax(_scores), (p, q) => p * Math.Log(q)).Sum();
        var (scores, relevance) = (tensor(_scores).unsqueeze(0), tensor(_relevance).unsqueeze(0));
        Assert.Equal(expected, ListNet.Loss(scores, relevance).item<double>(), 1e-12);
        Assert.Equal(expected, ListNet.Loss(scores.repeat(3, 1), relevance.repeat(3, 1)).item<double>(), 1e-12);
        CentralDifferences.Agree(at => ListNet.Loss(at[0], relevance), 1e-8, scores);
    }

    [Fact]
    public void AMarginThatIsExactlyMetHasNoGradient()
    {
        using var scope = NewDisposeScope();
        var first = tensor([1.0, 0.5, 2.0]).requires_grad_();
        var loss = MarginRanking.Loss(first, tensor([0.5, 1.0, 2.0]), tensor([1.0, -1.0, 1.0]), 0.5);
        loss.backward();
        Assert.Equal(0.5 / 3, loss.item<double>(), 1e-15);
        Assert.Equal([0, 0, -1.0 / 3], first.grad!.data<double>().ToArray());
    }

    [Fact]
    public void WithoutAnOrderThereIsNothingToLearn()
    {
        using var scope = NewDisposeScope();
        var scores = tensor(_scores).requires_grad_();
        var loss = RankNet.Loss(scores, ones(5, float64), 1);
        loss.backward();
        Assert.Equal(0, loss.item<double>());
        Assert.Equal(0, scores.grad!.abs().max().item<double>());
        Assert.Equal(0, RankNet.SoftLoss(tensor([1.0]), tensor([1.0]), 1).item<double>());
    }

    [Fact]
    public void LargeDifferencesKeepTheirDigits()
    {
        using var scope = NewDisposeScope();
        var scores = tensor([-500.0, 500.0]).requires_grad_();
        var loss = RankNet.Loss(scores, tensor([1.0, 0.0]), 1);
        loss.backward();
        Assert.Equal(1000, loss.item<double>(), 1e-12);
        Assert.Equal([-1, 1], scores.grad!.data<double>().ToArray());
    }
}
