using SelfSup.Randomness;

namespace SelfSup.Evaluation;

/// <summary>What evaluations draw: functions of the seed and a number, the same on every machine.</summary>
internal static class EvaluationDraw
{
    // Views of the purpose: one for each use.
    public const int Folds = 0;
    public const int SamePairs = 1;
    public const int DifferentPairs = 2;
    public const int Episodes = 3;
    public const int Centres = 4;
    public const int ReportedTest = 5;
    public const int ReportedTraining = 6;

    /// <summary>The numbers of one use.</summary>
    public static CounterRandom Of(ulong seed, int use, long number) =>
        new(seed, RandomPurpose.Evaluation, sample: number, view: use);

    /// <summary>Different numbers from 0 to <paramref name="count"/> - 1 in a random order.</summary>
    /// <param name="random">Draws them.</param>
    /// <param name="wanted">How many, at most <paramref name="count"/>.</param>
    /// <param name="count">How many there are.</param>
    public static int[] Distinct(ref CounterRandom random, int wanted, int count)
    {
        // Fisher and Yates on an array that is imagined: only what was swapped is kept.
        var swapped = new Dictionary<int, int>(2 * wanted);
        var drawn = new int[wanted];
        for (var i = 0; i < wanted; i++)
        {
            var j = i + random.NextInt(count - i);
            drawn[i] = swapped.GetValueOrDefault(j, j);
            swapped[j] = swapped.GetValueOrDefault(i, i);
        }

        return drawn;
    }

    /// <summary>Different numbers below a count that may be beyond all memory, in a random order.</summary>
    /// <inheritdoc cref="Distinct(ref CounterRandom, int, int)"/>
    /// <param name="random">Draws them.</param>
    /// <param name="wanted">How many, at most <paramref name="count"/>.</param>
    /// <param name="count">How many there are.</param>
    public static long[] Distinct(ref CounterRandom random, int wanted, long count)
    {
        if (count <= int.MaxValue)
        {
            return Array.ConvertAll(Distinct(ref random, wanted, (int)count), number => (long)number);
        }

        var drawn = new HashSet<long>(wanted);
        while (drawn.Count < wanted)
        {
            drawn.Add((long)(random.NextDouble() * count));
        }

        return [.. drawn];
    }
}
