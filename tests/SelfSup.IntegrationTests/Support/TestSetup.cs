// Every process that a test starts computes on one thread, so two tests share two cores well.
[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.Collections, MaxThreads = 2)]
