using System.Collections;
using System.CommandLine;
using System.Diagnostics;

using SelfSup.Distributed;
using SelfSup.Tensors;
using SelfSup.Training;

using static TorchSharp.torch;

namespace SelfSup.Tools.Scaling;

/// <summary><c>mpirun -np R scaling measure</c>: what all-reduces between R ranks of this machine cost.</summary>
internal static class MeasureCommand
{
    /// <summary>Bytes of all-reduces: a number, and what gradients of stages are like.</summary>
    private static readonly long[] _sizes = [4, 1 << 12, 1 << 16, 1 << 20, 1 << 22, 1 << 24, 1 << 25];

    public static Command Create()
    {
        var repeats = new Option<int>("--repeats") { Description = "All-reduces of a size", DefaultValueFactory = _ => 41, HelpName = "n" };
        var output = new Option<string?>("--out") { Description = "Writes it into a file", HelpName = "file" };
        var command = new Command("measure", "Measures all-reduces between ranks, and what they take from work beside them. Example: mpirun -np 2 scaling measure --out ranks-2.json")
        {
            repeats, output,
        };
        command.SetAction(parsed => Measure(parsed.GetValue(repeats), parsed.GetValue(output)));
        return command;
    }

    private static void Measure(int repeats, string? output)
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "");
        TorchRuntime.Initialise(variables.GetValueOrDefault("SELFSUP_LIBTORCH") is { Length: > 0 } folder ? folder : null);
        set_num_threads(1);
        var named = variables.GetValueOrDefault(Mpi.Variable) is { Length: > 0 } name ? name : null;
        using var ranks = MpiCommunicator.Join(Mpi.Load(named, RankEnvironment.Of(variables).Launcher));
        var times = _sizes.Select(bytes => new CommunicationCost.SizedTime(bytes, AllReduce(ranks, bytes, repeats))).ToArray();
        var interference = Interference(ranks, repeats);
        if (ranks.Rank != 0)
        {
            return;
        }

        var (latency, bandwidth) = ranks.Ranks == 1 ? (0, double.MaxValue) : CommunicationCost.Fit(times, ranks.Ranks);
        var cost = new CommunicationCost
        {
            Engine = ranks.Engine,
            Processor = RunIdentity.Processor,
            Cores = MachineCores(),
            CoresOfRank = Environment.ProcessorCount,
            Ranks = ranks.Ranks,
            LatencySeconds = latency,
            BusBandwidth = bandwidth,
            Interference = interference,
            AllReduce = times,
        };
        if (output is null)
        {
            Console.WriteLine(cost);
        }
        else
        {
            File.WriteAllText(output, cost.ToString());
        }
    }

    private static int MachineCores() => File.Exists("/proc/cpuinfo")
        ? File.ReadLines("/proc/cpuinfo").Count(line => line.StartsWith("processor", StringComparison.Ordinal))
        : Environment.ProcessorCount;

    private static double AllReduce(Communicator ranks, long bytes, int repeats)
    {
        using var tensor = ones(bytes / 4);
        ranks.AllReduceMean(tensor); // warm
        return Median(repeats, () => Timed(ranks, () => ranks.AllReduceMean(tensor)));
    }

    /// <summary>How much longer work takes beside an all-reduce than alone, by the all-reduce's own time.</summary>
    private static double Interference(Communicator ranks, int repeats)
    {
        using var tensor = ones(_sizes[^1] / 4);
        using var left = rand(384, 384);
        using var right = rand(384, 384);
        void Work(int products)
        {
            for (var i = 0; i < products; i++)
            {
                left.mm(right).Dispose();
            }
        }

        var alone = Median(repeats, () => Timed(ranks, () => ranks.AllReduceMean(tensor)));
        Work(20);
        // Work that takes about one and a half times as long as the message, so that all of the message is beside it.
        var products = Math.Max(1, (int)(1.5 * alone / (Median(repeats, () => Timed(ranks, () => Work(20))) / 20)));
        var working = Median(repeats, () => Timed(ranks, () => Work(products)));
        var together = Median(repeats, () => Timed(ranks, () =>
        {
            var pending = ranks.BeginAllReduce(tensor, Reduction.Sum);
            Work(products);
            pending.Wait();
        }));
        tensor.fill_(1);
        return Math.Clamp((together - working) / alone, 0, 1);
    }

    private static double Timed(Communicator ranks, Action action)
    {
        ranks.Barrier();
        var began = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private static double Median(int repeats, Func<double> measure) =>
        Enumerable.Range(0, repeats).Select(_ => measure()).Order().ElementAt(repeats / 2);
}
