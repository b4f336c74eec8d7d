using System.Text.Json;

using SelfSup.IntegrationTests.Support;
using SelfSup.Tools.Crash;

namespace SelfSup.IntegrationTests;

/// <summary>
/// Real ranks: processes under Open MPI's and MPICH's mpirun. What each part asserts is in tests/SelfSup.Ranks; here it is
/// started, and must end well.
/// </summary>
public sealed class RanksOverMpiTests
{
    [Theory]
    [InlineData("openmpi", 2)]
    [InlineData("openmpi", 3)]
    [InlineData("openmpi", 4)]
    [InlineData("mpich", 2)]
    [InlineData("mpich", 3)]
    [InlineData("mpich", 4)]
    public void CollectivesKeepTheirContract(string family, int ranks)
    {
        var outcome = Mpirun.Run(family, ranks, "contract");
        Assert.Contains(family == "openmpi" ? $"contract: {ranks} ranks over Open MPI v" : $"contract: {ranks} ranks over MPICH ", outcome.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("openmpi", 2)]
    [InlineData("openmpi", 4)]
    public void TwentyStepsInFloat64AreThoseOfOneRank(string family, int ranks) => Mpirun.Run(
        family, ranks,
        "methods", "simclr", "moco", "instanceDiscrimination", "byol", "swav", "vicreg", "barlowTwins", "dino");

    [Fact]
    public void AndThoseOfEveryOtherMethod() => Mpirun.Run(
        "mpich", 2,
        "methods", "cpc", "dcl", "mocoV3", "nnclr", "pirl", "simclrMemory", "simsiam", "supcon");

    /// <summary>The whole program, as it is started by hand: one progress line, one run directory, files of the others aside.</summary>
    [Theory]
    [InlineData("openmpi", 2, "simclr")]
    [InlineData("openmpi", 2, "moco")]
    [InlineData("openmpi", 2, "instanceDiscrimination")]
    [InlineData("openmpi", 2, "byol")]
    [InlineData("mpich", 2, "swav")]
    [InlineData("openmpi", 2, "vicreg")]
    [InlineData("openmpi", 2, "barlowTwins")]
    [InlineData("mpich", 2, "dino")]
    [InlineData("openmpi", 4, "moco")]
    public void TheProgramTrains(string family, int ranks, string method)
    {
        using var workspace = new Workspace();
        File.WriteAllText(workspace["method.yaml"], MethodRecipe.Text(method, Path.GetDirectoryName(Repository.TrainImages)!, epochs: 1));
        using var process = Mpirun.Start(
            family, ranks, workspace["."], SelfSupProcess.Program, "pretrain", "method.yaml", "--run", "run");
        var outcome = process.Wait().Succeeds();
        Assert.Single(outcome.Output.Split('\n'), line => line.Contains($"cpu, {ranks} ranks of 1 threads (", StringComparison.Ordinal));
        Assert.Single(outcome.Output.Split('\n'), line => line.StartsWith("done: ", StringComparison.Ordinal));
        using var result = JsonDocument.Parse(File.ReadAllText(workspace["run", "result.json"]));
        Assert.Equal((ranks, 8), (result.RootElement.GetProperty("ranks").GetInt32(), result.RootElement.GetProperty("steps").GetInt32()));
        Assert.Equal(
            Enumerable.Range(1, ranks - 1).Select(rank => $"rank-{rank}.log"),
            Directory.EnumerateFiles(workspace["run", "ranks"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void TheReferencesLossOverTwoProcessesIsMet() => Mpirun.Run(
        "openmpi", 2, "golden", Repository.DistributedGolden);
}
