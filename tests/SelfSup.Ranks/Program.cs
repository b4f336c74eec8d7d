using System.Globalization;

using SelfSup.Hosting;
using SelfSup.Ranks;
using SelfSup.Tests.Support;

using Xunit;

using static TorchSharp.torch;

// A rank of a test: ranks PART [ARGUMENT ...], under mpirun. What does not hold is said on stderr, with exit code 1.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
RunEnvironment.LoadTorch();
set_num_threads(1);
using var ranks = RunEnvironment.Join(RunEnvironment.Ranks(), gpu: null);
try
{
    switch (args)
    {
        case ["contract"]:
            CommunicatorContract.Run(ranks, CPU);
            // A library that has taken SIGSEGV for itself makes a crash of what .NET would let be caught.
            Assert.Throws<NullReferenceException>(() => ((string)null!).Length);
            break;
        case ["methods", .. var names]:
            Equality.OfMethods(ranks, names);
            break;
        case ["golden", var file]:
            Equality.OfNtXent(ranks, file);
            break;
        default:
            throw new ArgumentException($"there is no part {string.Join(' ', args)}");
    }
}
catch (Exception e)
{
    Console.Error.WriteLine($"rank {ranks.Rank} of {ranks.Ranks}: {e.GetType().Name}: {e.Message}");
    // The others would wait for it: mpirun ends them.
    Signals.EndProcess(1);
}

if (ranks.Rank == 0)
{
    Console.WriteLine($"{args[0]}: {ranks.Ranks} ranks over {ranks.Engine}");
}

return 0;
