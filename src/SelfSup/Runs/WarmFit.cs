namespace SelfSup.Runs;

/// <summary>How the weights of another training fit a new run's encoder; counters of normalisations are left out.</summary>
/// <param name="From">Where they come from.</param>
/// <param name="Step">Optimizer steps behind them; null where it is not known.</param>
/// <param name="Taken">How many tensors fit, and were taken.</param>
/// <param name="Tensors">How many there are.</param>
internal sealed record WarmFit(string From, long? Step, int Taken, int Tensors)
{
    // A line can be read; a file can be searched.
    private const int NamesInALine = 5;
    private const int NamesInTheHistory = 100;

    /// <summary>Tensors that have another shape there, with both.</summary>
    public IReadOnlyList<string> OtherShape { get; init; } = [];

    /// <summary>Tensors of the encoder that are not there.</summary>
    public IReadOnlyList<string> Absent { get; init; } = [];

    /// <summary>Tensors there that the encoder does not have.</summary>
    public IReadOnlyList<string> Unused { get; init; } = [];

    /// <summary>What was taken, as a line.</summary>
    public string Message => $"begins with {Taken} of {Tensors} tensors of {From}{(Step is { } step ? $" (step {step})" : "")}";

    /// <summary>What should not be overlooked, or null.</summary>
    public string? Warning => OtherShapeLine(NamesInALine) is { } line ? $"init.from: {line}" : null;

    /// <summary>What is as it should be where a head is new, a line each.</summary>
    public IReadOnlyList<string> Notes => [.. Lines(NamesInALine).Skip(OtherShape.Count > 0 ? 1 : 0)];

    /// <summary>All of it.</summary>
    public string History => string.Join("; ", [Message, .. Lines(NamesInTheHistory)]);

    private IEnumerable<string> Lines(int most) => new[]
    {
        OtherShapeLine(most),
        Absent.Count == 0 ? null : $"{Absent.Count} not there, as initialised: {List(Absent, most)}",
        Unused.Count == 0 ? null : $"{Unused.Count} there are not used: {List(Unused, most)}",
    }.OfType<string>();

    private string? OtherShapeLine(int most) =>
        OtherShape.Count == 0 ? null : $"{OtherShape.Count} of another shape, as initialised: {List(OtherShape, most)}";

    private static string List(IReadOnlyList<string> names, int most) =>
        string.Join(", ", names.Take(most)) + (names.Count > most ? $" and {names.Count - most} more" : "");
}
