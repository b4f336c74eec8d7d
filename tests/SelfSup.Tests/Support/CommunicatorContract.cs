using System.Diagnostics;

using SelfSup.Distributed;
using SelfSup.Tensors;

using TorchSharp;

using static TorchSharp.torch;

using Assert = Xunit.Assert;

namespace SelfSup.Tests.Support;

/// <summary>
/// What <see cref="Communicator"/> promises, for any engine and any number of ranks: every rank runs the same parts in the same
/// order. Expected numbers are worked out here in plain arithmetic. Linked by programs that are started under mpirun.
/// </summary>
internal static class CommunicatorContract
{
    private static readonly ScalarType[] _types =
        [ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16, ScalarType.Int64, ScalarType.Byte];

    private static readonly long[][] _shapes = [[0, 3], [1], [5, 3], [2, 3, 4]];

    /// <summary>The parts by name; each takes the ranks and where tensors are.</summary>
    public static IReadOnlyDictionary<string, Action<Communicator, Device>> Parts { get; } =
        new Dictionary<string, Action<Communicator, Device>>
        {
            [nameof(AllReduces)] = AllReduces,
            [nameof(SumsBfloat16InFloat32)] = SumsBfloat16InFloat32,
            [nameof(GathersInRankOrder)] = GathersInRankOrder,
            [nameof(ReduceScatters)] = ReduceScatters,
            [nameof(Broadcasts)] = Broadcasts,
            [nameof(GivesTheSameBitsEverywhere)] = GivesTheSameBitsEverywhere,
            [nameof(TakesManyElements)] = TakesManyElements,
            [nameof(GoesOnBesideOtherWork)] = GoesOnBesideOtherWork,
            [nameof(ComesAfterWhatWasComputed)] = ComesAfterWhatWasComputed,
            [nameof(KeepsWhatItReads)] = KeepsWhatItReads,
            [nameof(TakesTensorsOfTheCpu)] = TakesTensorsOfTheCpu,
            [nameof(TakesGradientsBack)] = TakesGradientsBack,
            [nameof(LeavesOthersRowsAlone)] = LeavesOthersRowsAlone,
            [nameof(RefusesWhatItCannotDo)] = RefusesWhatItCannotDo,
            [nameof(WaitsForTheLast)] = WaitsForTheLast,
        };

    /// <summary>Runs all parts.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="device">Where tensors are.</param>
    public static void Run(Communicator ranks, Device device)
    {
        foreach (var (name, part) in Parts)
        {
            try
            {
                using var scope = NewDisposeScope();
                part(ranks, device);
            }
            catch (Xunit.Sdk.XunitException e)
            {
                Assert.Fail($"{name}, rank {ranks.Rank} of {ranks.Ranks} over {ranks.Engine}: {e.Message}");
            }
        }
    }

    /// <summary>Sum, mean, maximum and minimum, in all types and shapes.</summary>
    public static void AllReduces(Communicator ranks, Device device)
    {
        foreach (var (type, shape) in Cases())
        {
            foreach (var reduction in Enum.GetValues<Reduction>())
            {
                if (reduction == Reduction.Mean && !IsFloating(type))
                {
                    continue;
                }

                var tensor = Own(ranks.Rank, shape, type, device);
                ranks.AllReduce(tensor, reduction);
                Assert.Equal(type, tensor.dtype);
                Equal(
                    [.. Elements(shape).Select(i => reduction switch
                    {
                        Reduction.Sum => OfAll(ranks, i).Sum(),
                        Reduction.Mean => OfAll(ranks, i).Average(),
                        Reduction.Max => OfAll(ranks, i).Max(),
                        _ => OfAll(ranks, i).Min(),
                    })],
                    tensor,
                    $"{reduction} of {type} [{string.Join(", ", shape)}]");
            }
        }

        var mean = Own(ranks.Rank, [4], ScalarType.Float64, device);
        ranks.AllReduceMean(mean);
        Equal([.. Elements([4]).Select(i => OfAll(ranks, i).Average())], mean, "mean");
    }

    /// <summary>256 and ones: in bfloat16 a one is lost each time it is added, in float32 the sum is right and rounded once.</summary>
    public static void SumsBfloat16InFloat32(Communicator ranks, Device device)
    {
        var first = ranks.Rank == 0 ? 256f : 1f;
        var expected = tensor(256f + ranks.Ranks - 1).to(ScalarType.BFloat16).to(float64).item<double>();
        var reduced = full([3], first, ScalarType.BFloat16, device);
        ranks.AllReduce(reduced, Reduction.Sum);
        Equal([expected, expected, expected], reduced, "all-reduce");

        var scattered = ranks.ReduceScatter(full([ranks.Ranks, 2], first, ScalarType.BFloat16, device));
        Equal([expected, expected], scattered, "reduce-scatter");
    }

    /// <summary>[N, ...] to [R * N, ...], the argument unchanged.</summary>
    public static void GathersInRankOrder(Communicator ranks, Device device)
    {
        foreach (var (type, shape) in Cases())
        {
            var local = Own(ranks.Rank, shape, type, device);
            var all = ranks.AllGather(local);
            Assert.Equal([shape[0] * ranks.Ranks, .. shape[1..]], all.shape);
            Assert.Equal(type, all.dtype);
            Assert.Equal(device.type, all.device_type);
            Equal([.. Enumerable.Range(0, ranks.Ranks).SelectMany(rank => Elements(shape).Select(i => Value(rank, i)))], all, $"{type}");
            Equal([.. Elements(shape).Select(i => Value(ranks.Rank, i))], local, "argument");
        }

        // Rows that are not contiguous are gathered as they read.
        var columns = Own(ranks.Rank, [2, 3], ScalarType.Float32, device).t();
        var gathered = ranks.AllGather(columns);
        Assert.Equal([3 * ranks.Ranks, 2], gathered.shape);
        long[] turned = [0, 3, 1, 4, 2, 5];
        Equal([.. Enumerable.Range(0, ranks.Ranks).SelectMany(rank => turned.Select(i => Value(rank, i)))], gathered, "turned");
    }

    /// <summary>[R * N, ...] to [N, ...], summed, the argument unchanged.</summary>
    public static void ReduceScatters(Communicator ranks, Device device)
    {
        foreach (var (type, shape) in Cases())
        {
            long[] whole = [ranks.Ranks * shape[0], .. shape[1..]];
            var all = Own(ranks.Rank, whole, type, device);
            var own = ranks.ReduceScatter(all);
            Assert.Equal(shape, own.shape);
            Assert.Equal(type, own.dtype);
            Assert.Equal(device.type, own.device_type);
            var count = Count(shape);
            Equal(
                [.. Elements(shape).Select(i => OfAll(ranks, (ranks.Rank * count) + i).Sum())], own, $"{type} [{string.Join(", ", shape)}]");
            Equal([.. Elements(whole).Select(i => Value(ranks.Rank, i))], all, "argument");
        }
    }

    /// <summary>From the first, from the second and from the last.</summary>
    public static void Broadcasts(Communicator ranks, Device device)
    {
        foreach (var root in new[] { 0, Math.Min(1, ranks.Ranks - 1), ranks.Ranks - 1 })
        {
            foreach (var (type, shape) in Cases())
            {
                var tensor = Own(ranks.Rank, shape, type, device);
                ranks.Broadcast(tensor, root);
                Equal([.. Elements(shape).Select(i => Value(root, i))], tensor, $"{type} from {root}");
            }
        }

        var byDefault = Own(ranks.Rank, [3], ScalarType.Int64, device);
        ranks.Broadcast(byDefault);
        Equal([.. Elements([3]).Select(i => Value(0, i))], byDefault, "default root");
    }

    /// <summary>Sums of numbers that round: whatever the order is, it is the same on all ranks.</summary>
    public static void GivesTheSameBitsEverywhere(Communicator ranks, Device device)
    {
        using var generator = new Generator((ulong)(17 + ranks.Rank));
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16 })
        {
            foreach (var reduction in new[] { Reduction.Sum, Reduction.Mean })
            {
                var tensor = randn([1013], generator: generator).to(type).to(device);
                ranks.AllReduce(tensor, reduction);
                var all = ranks.AllGather(tensor.unsqueeze(0));
                Assert.True((all == all[0]).all().item<bool>(), $"{reduction} of {type} differs between ranks");
            }
        }
    }

    /// <summary>More than fits into a buffer of any library.</summary>
    public static void TakesManyElements(Communicator ranks, Device device)
    {
        const long Count = 3_000_017;
        var tensor = arange(Count, dtype: int64, device: device).mul_(ranks.Rank + 1);
        ranks.AllReduce(tensor, Reduction.Sum);
        Assert.True((tensor == arange(Count, dtype: int64, device: device) * Triangle(ranks.Ranks)).all().item<bool>(), "sum");

        var local = arange(Count, dtype: float32, device: device).add_(ranks.Rank);
        var all = ranks.AllGather(local).view(ranks.Ranks, Count);
        for (var rank = 0; rank < ranks.Ranks; rank++)
        {
            Assert.True((all[rank] == arange(Count, dtype: float32, device: device).add_(rank)).all().item<bool>(), $"rows of {rank}");
        }
    }

    /// <summary>Reductions on their way together, waited for in another order on every rank, other operations between.</summary>
    public static void GoesOnBesideOtherWork(Communicator ranks, Device device)
    {
        long[] lengths = [100_003, 1, 5_001, 0, 70_000];
        for (var round = 0; round < 3; round++)
        {
            Tensor[] tensors = [.. lengths.Select(n => full([n], (round * 10) + ranks.Rank + 1, float32, device))];
            PendingReduction[] pending =
                [.. tensors.Select((t, i) => ranks.BeginAllReduce(t, i % 2 == 0 ? Reduction.Sum : Reduction.Max))];
            var beside = ranks.AllGather(tensor([(float)ranks.Rank], device: device));
            int[] order = [.. Enumerable.Range(0, lengths.Length)];
            if (ranks.Rank % 2 == 1)
            {
                Array.Reverse(order);
            }

            foreach (var i in order)
            {
                pending[i].Wait();
                var expected = i % 2 == 0 ? (round * 10 * ranks.Ranks) + Triangle(ranks.Ranks) : (round * 10) + ranks.Ranks;
                Assert.True((tensors[i] == expected).all().item<bool>(), $"tensor {i} of round {round}: is not {expected} everywhere");
            }

            Equal([.. Enumerable.Range(0, ranks.Ranks).Select(rank => (double)rank)], beside, "gather beside");
        }
    }

    /// <summary>What is computed right before is reduced, and what is computed right after is of the result: in a queue of work too.</summary>
    public static void ComesAfterWhatWasComputed(Communicator ranks, Device device)
    {
        // Large enough that a GPU is still computing; a CPU has computed before it is asked.
        var tensor = zeros([device.type == TorchSharp.DeviceType.CPU ? 1 << 16 : 1 << 20], dtype: float64, device: device);
        double expected = 0;
        for (var step = 0; step < 20; step++)
        {
            for (var i = 0; i < 5; i++)
            {
                tensor.add_(ranks.Rank + step);
            }

            ranks.AllReduce(tensor, Reduction.Sum);
            tensor.div_(ranks.Ranks);
            expected += 5 * (step + ((ranks.Ranks - 1) / 2.0));
        }

        Assert.InRange(tensor.min().item<double>(), expected - 1e-9, expected + 1e-9);
        Assert.InRange(tensor.max().item<double>(), expected - 1e-9, expected + 1e-9);
    }

    /// <summary>Tensors that their owner gives up, and memory that is used again, while an operation reads it.</summary>
    public static void KeepsWhatItReads(Communicator ranks, Device device)
    {
        const long Length = 200_000;
        for (var round = 0; round < 5; round++)
        {
            Tensor all;
            using (var local = full([Length], ranks.Rank + round, float32, device))
            {
                all = ranks.AllGather(local);
            }

            using var other = full([Length], -1f, float32, device);
            using var another = full([Length], -2f, float32, device);
            for (var rank = 0; rank < ranks.Ranks; rank++)
            {
                var rows = all.narrow(0, rank * Length, Length);
                Assert.True((rows == rank + round).all().item<bool>(), $"rows of {rank} in round {round}");
            }

            var given = full([Length], ranks.Rank + 1, float32, device);
            var seen = given.alias();
            var pending = ranks.BeginAllReduce(given, Reduction.Sum);
            given.Dispose();
            pending.Wait();
            Assert.True((seen == Triangle(ranks.Ranks)).all().item<bool>(), "sum of a tensor that was given up");
        }
    }

    /// <summary>Votes and hashes are on the CPU, whatever computes.</summary>
    public static void TakesTensorsOfTheCpu(Communicator ranks, Device device)
    {
        foreach (var type in _types)
        {
            var sum = Own(ranks.Rank, [3], type, CPU);
            ranks.AllReduce(sum, Reduction.Sum);
            Assert.Equal(DeviceType.CPU, sum.device_type);
            Equal([.. Elements([3]).Select(i => OfAll(ranks, i).Sum())], sum, $"sum of {type}");

            var all = ranks.AllGather(Own(ranks.Rank, [3], type, CPU));
            Assert.Equal(DeviceType.CPU, all.device_type);
            Equal([.. Enumerable.Range(0, ranks.Ranks).SelectMany(rank => Elements([3]).Select(i => Value(rank, i)))], all, $"{type}");

            var copy = Own(ranks.Rank, [3], type, CPU);
            ranks.Broadcast(copy, ranks.Ranks - 1);
            Equal([.. Elements([3]).Select(i => Value(ranks.Ranks - 1, i))], copy, $"copy of {type}");
        }

        var scattered = ranks.ReduceScatter(Own(ranks.Rank, [ranks.Ranks, 2], ScalarType.Float64, CPU));
        Equal([.. Elements([2]).Select(i => OfAll(ranks, (ranks.Rank * 2) + i).Sum())], scattered, "reduce-scatter");
    }

    /// <summary>The gradient of gathered rows is their own rank's, summed over the losses of all.</summary>
    public static void TakesGradientsBack(Communicator ranks, Device device)
    {
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var local = Own(ranks.Rank, [2, 3], type, device).requires_grad_();
            var all = ranks.GatherLearned(local);
            Equal([.. Enumerable.Range(0, ranks.Ranks).SelectMany(rank => Elements([2, 3]).Select(i => Value(rank, i)))], all.detach(), "rows");

            // The loss of rank r is the sum of (r + 1) * i * row element i.
            var weights = arange(ranks.Ranks * 6, dtype: type, device: device).view(-1, 3) * (ranks.Rank + 1);
            GuardedBackward.Run((all * weights).sum());
            Equal(
                [.. Elements([2, 3]).Select(i => (double)Triangle(ranks.Ranks) * ((ranks.Rank * 6) + i))], local.grad!, $"gradient, {type}");
        }
    }

    /// <summary>A loss of the own rows alone gives no gradient to others, and all have to come for it nevertheless.</summary>
    public static void LeavesOthersRowsAlone(Communicator ranks, Device device)
    {
        var local = Own(ranks.Rank, [2, 3], ScalarType.Float64, device).requires_grad_();
        GuardedBackward.Run(ranks.GatherLearned(local).narrow(0, ranks.Rank * 2, 2).pow(2).sum());
        Equal([.. Elements([2, 3]).Select(i => 2 * Value(ranks.Rank, i))], local.grad!, "gradient");
    }

    /// <summary>Refused on every rank alike; the ranks go on together.</summary>
    public static void RefusesWhatItCannotDo(Communicator ranks, Device device)
    {
        var turned = Own(ranks.Rank, [2, 3], ScalarType.Float32, device).t();
        Assert.Throws<ArgumentException>(() => ranks.AllReduce(turned, Reduction.Sum));
        Assert.Throws<ArgumentException>(() => ranks.Broadcast(turned));
        Assert.Throws<ArgumentException>(() => ranks.AllReduceMean(Own(ranks.Rank, [2], ScalarType.Int64, device)));
        Assert.Throws<ArgumentException>(() => ranks.AllReduceMean(Own(ranks.Rank, [2], ScalarType.Byte, device)));
        Assert.Throws<ArgumentException>(() => ranks.AllReduce(Own(ranks.Rank, [2], ScalarType.Int32, device), Reduction.Sum));
        Assert.Throws<ArgumentException>(() => ranks.AllGather(Own(ranks.Rank, [2], ScalarType.Float16, device)));
        Assert.Throws<ArgumentException>(() => ranks.ReduceScatter(Own(ranks.Rank, [ranks.Ranks], ScalarType.Int32, device)));
        Equal([.. Elements([2, 3]).Select(i => Value(ranks.Rank, i))], turned.t(), "what was refused");

        var sum = tensor(1L, device: device);
        ranks.AllReduce(sum, Reduction.Sum);
        Assert.Equal(ranks.Ranks, sum.item<long>());
    }

    /// <summary>Nobody passes a barrier before the last has come.</summary>
    public static void WaitsForTheLast(Communicator ranks, Device device)
    {
        for (var last = 0; last < ranks.Ranks; last++)
        {
            ranks.Barrier();
            var watch = Stopwatch.StartNew();
            if (ranks.Rank == last)
            {
                Thread.Sleep(200);
            }

            ranks.Barrier();
            Assert.True(ranks.Ranks == 1 || watch.ElapsedMilliseconds > 100, $"waited {watch.ElapsedMilliseconds} ms for rank {last}");
        }
    }

    private static IEnumerable<(ScalarType Type, long[] Shape)> Cases() =>
        from type in _types from shape in _shapes select (type, shape);

    /// <summary>Small whole numbers: exact in every type, also when they are summed over up to eight ranks.</summary>
    private static double Value(int rank, long element) => (element % 5) + 1 + (2 * rank);

    private static double[] OfAll(Communicator ranks, long element) =>
        [.. Enumerable.Range(0, ranks.Ranks).Select(rank => Value(rank, element))];

    private static Tensor Own(int rank, long[] shape, ScalarType type, Device device) =>
        tensor([.. Elements(shape).Select(i => Value(rank, i))], dtype: float64).view(shape).to(type).to(device);

    private static IEnumerable<long> Elements(long[] shape) => Enumerable.Range(0, (int)Count(shape)).Select(i => (long)i);

    private static long Count(long[] shape) => shape.Aggregate(1L, (product, length) => product * length);

    private static long Triangle(long n) => n * (n + 1) / 2;

    private static bool IsFloating(ScalarType type) => type is ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16;

    private static void Equal(double[] expected, Tensor actual, string what)
    {
        using var scope = NewDisposeScope();
        double[] found = [.. actual.detach().cpu().to(float64).contiguous().view(-1).data<double>()];
        var tolerance = actual.dtype == ScalarType.Float32 ? 1e-6 : 1e-14; // of a mean: a third is rounded
        Assert.True(expected.Length == found.Length, $"{what}: {found.Length} elements, must be {expected.Length}");
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(
                Math.Abs(found[i] - expected[i]) <= tolerance * Math.Abs(expected[i]),
                $"{what}: element {i} is {found[i]:R}, must be {expected[i]:R}");
        }
    }
}
