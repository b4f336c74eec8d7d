using SelfSup.Tensors;

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

    /// <summary>Whose layout they are in, and where in the file; null for our own.</summary>
    public string? Layout { get; init; }

    /// <summary>Tensors that have another shape there, with both.</summary>
    public IReadOnlyList<string> OtherShape { get; init; } = [];

    /// <summary>Positions that were interpolated, with both grids.</summary>
    public IReadOnlyList<string> Interpolated { get; init; } = [];

    /// <summary>Tensors of the encoder that are not there.</summary>
    public IReadOnlyList<string> Absent { get; init; } = [];

    /// <summary>Tensors there of numbered layers that the encoder does not have: the network there is deeper, and only a part of it is taken.</summary>
    public IReadOnlyList<string> Deeper { get; init; } = [];

    /// <summary>Other tensors there that the encoder does not have.</summary>
    public IReadOnlyList<string> Unused { get; init; } = [];

    /// <summary>What else is in the file, beside the network: copies of it, queues.</summary>
    public IReadOnlyList<string> Elsewhere { get; init; } = [];

    /// <summary>What was taken, as a line.</summary>
    public string Message =>
        $"begins with {Taken} of {Tensors} tensors of {From}{(Layout is null ? "" : $" ({Layout})")}{(Step is { } step ? $" (step {step})" : "")}";

    /// <summary>What should not be overlooked, or null.</summary>
    public string? Warning => string.Join("; ", Troubles(NamesInALine)) is { Length: > 0 } troubles ? $"init.from: {troubles}" : null;

    /// <summary>What is as it should be where a head is new, a line each.</summary>
    public IReadOnlyList<string> Notes => [.. Remarks(NamesInALine)];

    /// <summary>All of it.</summary>
    public string History => string.Join("; ", [Message, .. Troubles(NamesInTheHistory), .. Remarks(NamesInTheHistory)]);

    /// <summary>The backbone is what everybody wants; that it begins at random in parts, or with a part of another, is a mistake.</summary>
    private IEnumerable<string> Troubles(int most) => new[]
    {
        Line(OtherShape, "of another shape, as initialised", most),
        Line([.. Absent.Where(IsOfBackbone)], "not there, as initialised", most),
        Line(Deeper, "there are of layers that the encoder does not have", most),
    }.OfType<string>();

    private IEnumerable<string> Remarks(int most) => new[]
    {
        Interpolated.Count == 0 ? null : $"interpolated: {List(Interpolated, most)}",
        Line([.. Absent.Where(name => !IsOfBackbone(name))], "not there, as initialised", most),
        Line(Unused, "there are not used", most),
        Elsewhere.Count == 0 ? null : $"beside it in the file: {List(Elsewhere, most)}",
    }.OfType<string>();

    private static bool IsOfBackbone(string name) => name.StartsWith("backbone.", StringComparison.Ordinal);

    private static string? Line(IReadOnlyList<string> names, string what, int most) => names.Count == 0 ? null : $"{names.Count} {what}: {List(names, most)}";

    private static string List(IReadOnlyList<string> names, int most) =>
        string.Join(", ", names.Take(most).Select(ShownText.Of)) + (names.Count > most ? $" and {names.Count - most} more" : "");
}
