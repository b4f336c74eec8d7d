namespace SelfSup.Randomness;

/// <summary>
/// Draws indices with given weights in constant time, however many there are (Walker 1977; built in one pass as by Vose
/// 1991). 12 bytes an index.
/// </summary>
public sealed class AliasTable
{
    // A draw takes place i, each as likely, and gives i below the threshold and the alias of i from it on.
    private readonly double[] _thresholds;
    private readonly int[] _aliases;

    /// <summary>A table of weights.</summary>
    /// <param name="weights">Of every index; need not sum to 1. An index of weight 0 is never drawn.</param>
    /// <exception cref="ArgumentException">There are no weights, one is negative or not finite, or all are 0.</exception>
    public AliasTable(ReadOnlySpan<double> weights)
    {
        var (largest, sum) = (Largest(weights), 0.0);
        foreach (var weight in weights)
        {
            sum += weight / largest; // of weights near the largest number the sum would be none
        }

        _thresholds = new double[weights.Length];
        _aliases = new int[weights.Length];
        // Those below the mean grow from the front, those above from the back; together they are as many as there are.
        var order = new int[weights.Length];
        var (below, above) = (0, weights.Length);
        for (var i = 0; i < weights.Length; i++)
        {
            _thresholds[i] = weights[i] / largest * (weights.Length / sum);
            _aliases[i] = i;
            order[_thresholds[i] < 1 ? below++ : --above] = i;
        }

        Fill(order, below, above);
    }

    /// <summary>How many indices there are.</summary>
    public int Count => _thresholds.Length;

    /// <summary>
    /// The noise distribution of word2vec: counts to the power 0.75, which draws rare words more often than they occur (Mikolov
    /// et al. 2013, https://arxiv.org/abs/1310.4546, section 2.2).
    /// </summary>
    /// <param name="counts">How often each occurs.</param>
    /// <param name="power">1 draws as often as they occur, 0 all alike but those that never occur.</param>
    public static AliasTable OfCounts(ReadOnlySpan<long> counts, double power = 0.75)
    {
        var weights = new double[counts.Length];
        for (var i = 0; i < weights.Length; i++)
        {
            weights[i] = counts[i] == 0 ? 0 : counts[i] < 0 ? counts[i] : Math.Pow(counts[i], power);
        }

        return new AliasTable(weights);
    }

    /// <summary>The next index.</summary>
    public int Draw(ref CounterRandom random)
    {
        var place = random.NextInt(_thresholds.Length);
        return random.NextDouble() < _thresholds[place] ? place : _aliases[place];
    }

    /// <summary>
    /// How probable an index is by this table, its weight over the sum of all but for rounding. Looks at every place.
    /// </summary>
    public double Probability(int index)
    {
        var sum = _thresholds[index];
        for (var place = 0; place < _aliases.Length; place++)
        {
            if (_aliases[place] == index && place != index)
            {
                sum += 1 - _thresholds[place];
            }
        }

        return sum / _thresholds.Length;
    }

    // One that falls short is filled up by one that has too much, which may then fall short itself.
    private void Fill(int[] order, int below, int above)
    {
        var next = 0;
        while (next < below && above < order.Length)
        {
            var (small, large) = (order[next++], order[above]);
            _aliases[small] = large;
            _thresholds[large] -= 1 - _thresholds[small];
            if (_thresholds[large] < 1)
            {
                above++;
                order[below++] = large;
            }
        }

        // What is left differs from 1 by rounding.
        foreach (var left in order.AsSpan(next))
        {
            _thresholds[left] = 1;
        }
    }

    private static double Largest(ReadOnlySpan<double> weights)
    {
        var largest = 0.0;
        for (var i = 0; i < weights.Length; i++)
        {
            if (!double.IsFinite(weights[i]) || weights[i] < 0)
            {
                throw new ArgumentException($"weights[{i}]: is {weights[i]}, must be finite and not negative", nameof(weights));
            }

            largest = Math.Max(largest, weights[i]);
        }

        return largest > 0
            ? largest
            : throw new ArgumentException("weights: none is above 0, so that there is nothing to draw", nameof(weights));
    }
}
