using System.Text.Json;

using SelfSup.Distributed;
using SelfSup.Losses;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using Xunit;

using static TorchSharp.torch;

namespace SelfSup.Ranks;

/// <summary>What ranks compute together is what one computes with all of it.</summary>
internal static class Equality
{
    private const int Steps = 20;

    /// <summary>Weights and statistics after 20 steps in float64, and the losses on the way.</summary>
    public static void OfMethods(Communicator ranks, IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            using var scope = NewDisposeScope();
            using var together = new ToyRun(name, ranks);
            var losses = together.Train(Steps);
            using var alone = new ToyRun(name, Communicator.Single);
            var expected = alone.Train(Steps);
            for (var step = 0; step < Steps; step++)
            {
                // One rank's loss is read as float32.
                Assert.True(Math.Abs(losses[step] - expected[step]) < 1e-6 * Math.Abs(expected[step]), $"{name}: the loss of step {step} is {losses[step]}, must be {expected[step]}");
            }

            var difference = (together.State - alone.State).abs().max().item<double>();
            if (ranks.Rank == 0)
            {
                Console.WriteLine($"{name}: weights differ by {difference:g2} after {Steps} steps, loss {losses[0]:g4} to {losses[^1]:g4}");
            }

            Assert.True(difference < 1e-10, $"{name}: weights differ by {difference:g3} after {Steps} steps, must by less than 1e-10");
            Assert.True((alone.State - new Start(name).State).abs().max().item<double>() > 1e-4, $"{name}: nothing was learned");
        }
    }

    /// <summary>The reference's loss and gradients across its two ranks.</summary>
    public static void OfNtXent(Communicator ranks, string file)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(file));
        var cases = golden.RootElement.GetProperty("cases").EnumerateArray()
            .Where(c => c.GetProperty("params").GetProperty("world_size").GetInt32() == ranks.Ranks).ToArray();
        Assert.NotEmpty(cases);
        foreach (var one in cases)
        {
            using var scope = NewDisposeScope();
            var own = one.GetProperty("inputs").GetProperty("ranks")[ranks.Rank];
            Tensor[] views = [.. new[] { "z0", "z1" }.Select(z => Read(own.GetProperty(z)).requires_grad_())];
            var local = nn.functional.normalize(cat(views), dim: 1);
            var temperature = one.GetProperty("params").GetProperty("temperature").GetDouble();
            var loss = NtXent.Loss(local, ranks.GatherLearned(local), ranks.Rank, temperature);
            GuardedBackward.Run(loss);
            var outputs = one.GetProperty("outputs");
            Assert.Equal(outputs.GetProperty("loss_per_rank")[ranks.Rank].GetDouble(), loss.item<double>(), 1e-9);
            var mean = loss.detach().clone().reshape(1);
            ranks.AllReduceMean(mean);
            Assert.Equal(outputs.GetProperty("loss_full_batch").GetDouble(), mean.item<double>(), 1e-9);
            foreach (var (name, view) in new[] { "z0", "z1" }.Zip(views))
            {
                var expected = Read(one.GetProperty("grads").GetProperty("gather_grad")[ranks.Rank].GetProperty(name));
                Assert.InRange((view.grad! - expected).abs().max().item<double>(), 0, 1e-9);
            }
        }
    }

    private static Tensor Read(JsonElement json) => tensor(
        json.GetProperty("data").EnumerateArray().Select(value => value.GetDouble()).ToArray(),
        json.GetProperty("shape").EnumerateArray().Select(length => length.GetInt64()).ToArray());

    /// <summary>A training that has taken no step.</summary>
    private sealed class Start
    {
        public Start(string name)
        {
            using var run = new ToyRun(name, Communicator.Single);
            State = run.State;
        }

        public Tensor State { get; }
    }
}
