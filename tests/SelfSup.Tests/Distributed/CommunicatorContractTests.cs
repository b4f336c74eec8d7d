using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Distributed;

/// <summary>Ranks that are threads keep the contract that methods are tested on.</summary>
public sealed class CommunicatorContractTests
{
    public static TheoryData<string, int> Cases =>
        [.. from part in CommunicatorContract.Parts.Keys from ranks in new[] { 1, 2, 3 } select (part, ranks)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void ThreadsKeepIt(string part, int ranks) =>
        ThreadRanks.Run(ranks, communicator => CommunicatorContract.Parts[part](communicator, CPU));
}
