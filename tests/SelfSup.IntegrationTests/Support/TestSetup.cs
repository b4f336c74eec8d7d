[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.Collections, MaxThreads = 2)]

namespace SelfSup.IntegrationTests.Support;

/// <summary>
/// Tests that watch the clock, or whose processes keep all cores busy: one after the other, when those that run two at a time are
/// done.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}
