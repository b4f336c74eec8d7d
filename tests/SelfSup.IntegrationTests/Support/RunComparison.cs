using SelfSup.Tools.Crash;

namespace SelfSup.IntegrationTests.Support;

/// <summary>Whether two runs of a workspace ended alike, bit for bit.</summary>
internal static class RunComparison
{
    /// <summary>The same weights, optimizer state, stores, evaluations, metrics and results.</summary>
    public static void IsTheSame(this Workspace workspace, string expected, string actual) =>
        Assert.Empty(RunEnd.Differences(workspace[expected], workspace[actual]));
}
