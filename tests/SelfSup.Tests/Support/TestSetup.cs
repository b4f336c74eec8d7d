using System.Runtime.CompilerServices;

using TorchSharp;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace SelfSup.Tests.Support;

internal static class TestSetup
{
    /// <summary>One thread: bits depend on the thread count, and libtorch's threads spin when cores are shared.</summary>
    [ModuleInitializer]
    public static void Initialize() => torch.set_num_threads(1);
}
