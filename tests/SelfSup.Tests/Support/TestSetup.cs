using System.Runtime.CompilerServices;

using SelfSup.Tensors;

using TorchSharp;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]

namespace SelfSup.Tests.Support;

internal static class TestSetup
{
    /// <summary>One thread: bits depend on the thread count, and libtorch's threads spin when cores are shared.</summary>
    [ModuleInitializer]
    public static void Initialize()
    {
        TorchRuntime.Initialise(null);
        torch.set_num_threads(1);
    }
}
