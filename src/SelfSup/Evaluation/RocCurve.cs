namespace SelfSup.Evaluation;

/// <summary>
/// What accepting pairs as the same from a threshold on gives, for every threshold there is: a pair is accepted where its
/// score is the threshold or above. Points go from none accepted to all, one for each distinct score.
/// </summary>
internal sealed class RocCurve
{
    private readonly List<double> _thresholds = [double.PositiveInfinity];
    private readonly List<long> _right = [0]; // accepted pairs that are the same
    private readonly List<long> _wrong = [0];

    /// <param name="scores">The larger, the likelier the same; none is NaN.</param>
    /// <param name="same">Whether each is; some are and some are not.</param>
    public RocCurve(IReadOnlyList<double> scores, IReadOnlyList<bool> same)
    {
        int[] order = [.. Enumerable.Range(0, scores.Count)];
        double[] falling = [.. scores.Select(score => -score)];
        Array.Sort(falling, order);
        var (right, wrong) = (0L, 0L);
        for (var i = 0; i < order.Length; i++)
        {
            (right, wrong) = same[order[i]] ? (right + 1, wrong) : (right, wrong + 1);
            if (i + 1 == order.Length || falling[i + 1] != falling[i])
            {
                _thresholds.Add(-falling[i]);
                _right.Add(right);
                _wrong.Add(wrong);
            }
        }

        if (right == 0 || wrong == 0)
        {
            throw new ArgumentException("all pairs are the same or all are different, must be some of each", nameof(same));
        }

        (Same, Different) = (right, wrong);
    }

    /// <summary>How many pairs are the same.</summary>
    public long Same { get; }

    /// <summary>How many are not.</summary>
    public long Different { get; }

    /// <summary>At each point, the share of different pairs that are accepted.</summary>
    public double[] FalseAcceptRates => [.. _wrong.Select(count => (double)count / Different)];

    /// <summary>At each point, the share of same pairs that are accepted.</summary>
    public double[] TrueAcceptRates => [.. _right.Select(count => (double)count / Same)];

    /// <summary>The probability that a same pair has a higher score than a different one; equal scores count one half.</summary>
    public double Area
    {
        get
        {
            var sum = 0.0;
            for (var i = 1; i < _right.Count; i++)
            {
                sum += (double)(_wrong[i] - _wrong[i - 1]) * (_right[i] + _right[i - 1]);
            }

            return sum / 2 / Same / Different;
        }
    }

    /// <summary>The sum over thresholds of the precision there times what the recall gained.</summary>
    public double AveragePrecision
    {
        get
        {
            var sum = 0.0;
            for (var i = 1; i < _right.Count; i++)
            {
                sum += (double)(_right[i] - _right[i - 1]) * _right[i] / (_right[i] + _wrong[i]);
            }

            return sum / Same;
        }
    }

    /// <summary>Where as many of the different pairs are accepted as of the same are refused, on the lines between the points.</summary>
    public double EqualErrorRate
    {
        get
        {
            var (falseAccepts, trueAccepts) = (FalseAcceptRates, TrueAcceptRates);
            double Surplus(int i) => falseAccepts[i] + trueAccepts[i] - 1;
            var after = 1;
            while (Surplus(after) < 0)
            {
                after++;
            }

            var share = Surplus(after - 1) / (Surplus(after - 1) - Surplus(after));
            return falseAccepts[after - 1] + (share * (falseAccepts[after] - falseAccepts[after - 1]));
        }
    }

    /// <summary>The mean of both error rates at the first point where they differ least.</summary>
    public double DiscreteEqualErrorRate
    {
        get
        {
            var (falseAccepts, trueAccepts) = (FalseAcceptRates, TrueAcceptRates);
            var best = 0;
            for (var i = 1; i < falseAccepts.Length; i++)
            {
                best = Difference(i) < Difference(best) ? i : best;
            }

            return (falseAccepts[best] + (1 - trueAccepts[best])) / 2;

            double Difference(int i) => Math.Abs(falseAccepts[i] - (1 - trueAccepts[i]));
        }
    }

    /// <summary>The largest share of pairs that a threshold gets right, and the largest such threshold; infinite where none should be accepted.</summary>
    public (double Accuracy, double Threshold) Best
    {
        get
        {
            var best = 0;
            for (var i = 1; i < _right.Count; i++)
            {
                best = _right[i] - _wrong[i] > _right[best] - _wrong[best] ? i : best;
            }

            return ((double)(_right[best] + Different - _wrong[best]) / (Same + Different), _thresholds[best]);
        }
    }

    /// <summary>The largest share of same pairs accepted by a threshold that accepts at most this share of different ones.</summary>
    public double TrueAcceptRate(double falseAcceptRate)
    {
        var last = 0;
        while (last + 1 < _wrong.Count && (double)_wrong[last + 1] / Different <= falseAcceptRate)
        {
            last++;
        }

        return (double)_right[last] / Same;
    }
}
