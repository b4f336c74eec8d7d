using SelfSup.IntegrationTests.Support;

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

    [Fact]
    public void TheReferencesLossOverTwoProcessesIsMet() => Mpirun.Run(
        "openmpi", 2, "golden", Repository.DistributedGolden);
}
