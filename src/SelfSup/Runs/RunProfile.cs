namespace SelfSup.Runs;

/// <summary>Where the time and the memory of a run's steps go.</summary>
internal sealed record RunProfile
{
    /// <summary>The recipe's name.</summary>
    public required string Recipe { get; init; }

    public required string Version { get; init; }

    public required string Host { get; init; }

    public required string Device { get; init; }

    /// <summary>CPU threads of the network.</summary>
    public required int Threads { get; init; }

    public required string Precision { get; init; }

    public required bool ChannelsLast { get; init; }

    /// <summary>N, images a step.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Steps at the beginning that are not in the figures.</summary>
    public required int StepsLeftOut { get; init; }

    /// <summary>Steps that are.</summary>
    public required int Steps { get; init; }

    public required double ImagesPerSecond { get; init; }

    /// <summary>Of whole steps, by the times at which they ended.</summary>
    public required Milliseconds StepMilliseconds { get; init; }

    /// <summary>The sum of the parts as a share of the whole steps.</summary>
    public required double AccountedFor { get; init; }

    /// <summary>What a step is spent on, in its order.</summary>
    public required IReadOnlyDictionary<string, PartTime> Parts { get; init; }

    /// <summary>What ranks cost one another; null with one.</summary>
    public RankCost? Ranks { get; init; }

    /// <summary>Seconds of one evaluation; null where the recipe has none.</summary>
    public double? EvaluationSeconds { get; init; }

    /// <summary>One checkpoint.</summary>
    public required CheckpointCost Checkpoint { get; init; }

    public required ArithmeticSpeed Arithmetic { get; init; }

    public required MemoryUse Memory { get; init; }
}

/// <param name="Mean">Over the steps that are measured.</param>
/// <param name="Median">The step in the middle.</param>
/// <param name="Min">The shortest.</param>
/// <param name="Max">The longest.</param>
internal sealed record Milliseconds(double Mean, double Median, double Min, double Max);

/// <param name="Milliseconds">Of a step, the mean.</param>
/// <param name="Share">Of all parts, 0 to 1.</param>
internal sealed record PartTime(double Milliseconds, double Share);

/// <param name="Seconds">Until it was on disk.</param>
/// <param name="Bytes">Of its files.</param>
internal sealed record CheckpointCost(double Seconds, long Bytes);

/// <param name="OperationsPerStep">
/// Floating-point operations of convolutions and linear layers, forward and backward: two for each multiplication.
/// </param>
/// <param name="OperationsPerSecond">The same by the time that forward and backward take.</param>
/// <param name="MatrixProduct">Operations a second of a product of large matrices here, by precision.</param>
/// <param name="Share">What a step reaches of the product in its own precision.</param>
internal sealed record ArithmeticSpeed(
    double OperationsPerStep, double OperationsPerSecond, IReadOnlyDictionary<string, double> MatrixProduct, double Share);

/// <param name="Ranks">R; times are those of the first.</param>
/// <param name="Engine">What carries their messages.</param>
/// <param name="GradientBytes">What is averaged in a step.</param>
/// <param name="ExposedMilliseconds">Of a step, in which it waits for the average of gradients and loss and does nothing else.</param>
/// <param name="WithoutOverlapMilliseconds">The same where gradients are averaged behind the backward pass; null where they always are.</param>
internal sealed record RankCost(
    int Ranks, string Engine, long GradientBytes, double ExposedMilliseconds, double? WithoutOverlapMilliseconds);
