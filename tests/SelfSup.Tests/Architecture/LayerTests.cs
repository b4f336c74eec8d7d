using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace SelfSup.Tests.Architecture;

/// <summary>The arrows between the rooms of the library point down this list.</summary>
public sealed partial class LayerTests
{
    private static readonly string[] _bottomFirst =
    [
        "Errors", "Catalogs", "Randomness", "Tensors", "Checkpoints", "Telemetry", "Images", "Augmentation", "Datasets",
        "Optimization", "Distributed", "Models", "Distances", "Mining", "Losses", "MetricLosses", "Diagnostics", "Negatives", "Objectives",
        "Methods", "Evaluation", "Export", "Search", "Training", "Recipes", "Runs", "Reports",
    ];

    public static TheoryData<string> Rooms => [.. _bottomFirst];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void ARoomUsesOnlyRoomsBelowIt(string room)
    {
        var below = _bottomFirst.TakeWhile(f => f != room).ToHashSet();
        var upward = from file in Files(room)
                     from Match use in UsingOurs().Matches(File.ReadAllText(file))
                     where use.Groups[1].Value != room && !below.Contains(use.Groups[1].Value)
                     select $"{Path.GetFileName(file)} uses {use.Groups[1].Value}";
        Assert.Empty(upward);
    }

    [Fact]
    public void EveryRoomIsListed() => Assert.Equal(
        _bottomFirst.Order(),
        Directory.EnumerateDirectories(Source()).Select(d => Path.GetFileName(d)!).Where(d => d is not ("bin" or "obj")).Order());

    [Fact]
    public void LossesKnowNothingButTensors() => Assert.DoesNotContain(
        Files("Losses").SelectMany(f => UsingOurs().Matches(File.ReadAllText(f))), m => m.Groups[1].Value != "Tensors");

    [Fact]
    public void MetricLossesKnowNothingButTensorsAndTuples() => Assert.DoesNotContain(
        Files("MetricLosses").SelectMany(f => UsingOurs().Matches(File.ReadAllText(f))),
        m => m.Groups[1].Value is not ("Tensors" or "Mining" or "Losses" or "MetricLosses"));

    [Fact]
    public void NoFileIsLong() =>
        Assert.DoesNotContain(Directory.EnumerateFiles(Source(), "*.cs", SearchOption.AllDirectories), f => File.ReadLines(f).Count() > 400);

    private static IEnumerable<string> Files(string room) =>
        Directory.EnumerateFiles(Path.Combine(Source(), room), "*.cs", SearchOption.AllDirectories);

    private static string Source([CallerFilePath] string here = "") =>
        Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "../../../src/SelfSup"));

    [GeneratedRegex(@"^using (?:static )?SelfSup\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex UsingOurs();
}
