using System.Text.Json;

using SelfSup.IntegrationTests.Support;

namespace SelfSup.IntegrationTests;

/// <summary>What is chosen by name inside a method is found and explained by the program.</summary>
public sealed class MethodChoicesTests : IDisposable
{
    private readonly Workspace _workspace = new();

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void AMethodsSettingsNameWhatTheyCanBe()
    {
        var listed = _workspace.Run("methods", "metricLearning").Succeeds().Output;
        Assert.Matches(@"loss: .*arcFace, .*proxyAnchor, ", listed);
        Assert.Contains("the settings of one: selfsup methods metricLearning.loss.NAME", listed, StringComparison.Ordinal);
        Assert.Contains("memoryAfterSteps", listed, StringComparison.Ordinal);

        using var json = JsonDocument.Parse(_workspace.Run("methods", "metricLearning", "--json").Succeeds().Output);
        var loss = Assert.Single(json.RootElement.GetProperty("settings").EnumerateArray(), s => s.GetProperty("key").GetString() == "loss");
        Assert.Contains("arcFace", loss.GetProperty("choices").EnumerateArray().Select(c => c.GetString()));
        Assert.Equal("normalisedSoftmax", loss.GetProperty("default").GetString());
    }

    [Fact]
    public void AChoiceHasItsOwnSettings()
    {
        var arcFace = _workspace.Run("methods", "metricLearning.loss.arcFace").Succeeds().Output;
        Assert.Contains("Deng et al. 2019", arcFace, StringComparison.Ordinal);
        Assert.Matches(@"margin +0\.5 +number .*m, added to the angle, in radians\.", arcFace);
        Assert.Matches(@"partsRate +1 ", arcFace);

        var all = _workspace.Run("methods", "metricLearning.loss").Succeeds().Output;
        Assert.Matches(@"(?m)^proxyAnchor +Proxy-Anchor \(Kim et al\. 2020", all);

        using var json = JsonDocument.Parse(_workspace.Run("methods", "metricLearning.loss.proxyAnchor", "--json").Succeeds().Output);
        var choice = Assert.Single(json.RootElement.GetProperty("choices").EnumerateArray());
        var rate = Assert.Single(choice.GetProperty("settings").EnumerateArray(), s => s.GetProperty("key").GetString() == "partsRate");
        Assert.Equal("100", rate.GetProperty("default").GetString());
    }

    [Fact]
    public void APathThatLeadsNowhereSaysWhere()
    {
        _workspace.Run("methods", "metricLearning.loss.arcface").IsOneLine(
            2, "metricLearning.loss: there is no 'arcface'; did you mean arcFace?");
        _workspace.Run("methods", "metricLearning.lost").IsOneLine(2, "methods: metricLearning has no setting 'lost'; did you mean loss?");
        _workspace.Run("methods", "metricLearning.memory").IsOneLine(2, "methods: metricLearning.memory is a single value");
        _workspace.Run("methods", "byol.predictor").IsOneLine(2, "methods: byol.predictor is a section");
        _workspace.Run("methods", "metricLearnin.loss").IsOneLine(2, "methods: there is no 'metricLearnin'; did you mean metricLearning?");
    }
}
