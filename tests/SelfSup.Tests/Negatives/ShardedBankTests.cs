using SelfSup.Distributed;
using SelfSup.Errors;
using SelfSup.Losses;
using SelfSup.Negatives;
using SelfSup.Tensors;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Negatives;

/// <summary>A bank in parts beside one that is whole: what methods see of it in <see cref="Methods.RanksTests"/>, and its edges here.</summary>
public sealed class ShardedBankTests
{
    [Theory]
    [InlineData(70_001, 4, false)] // more than the piece that is drawn at a time
    [InlineData(70_001, 4, true)]
    [InlineData(3, 5, false)]
    public void PartsBeginAsTheWholeDoes(long images, long width, bool half)
    {
        var settings = Settings(images, width, half);
        using var scope = NewDisposeScope();
        using var whole = new WholeBank(settings, ones(1), Communicator.Single);
        ThreadRanks.Run(3, ranks =>
        {
            using var bank = MemoryBank.Create(settings, ones(1), ranks, sharded: true);
            Assert.InRange(bank.Slots.shape[0], images / 3, (images / 3) + 1);
            Assert.True(cat(Gathered(ranks, bank.Slots)).equal(whole.Slots).all().item<bool>());
        });
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void SlotsComeFromTheirOwnersUnchanged(int count)
    {
        var settings = Settings(101, 16, half: true);
        using var scope = NewDisposeScope();
        using var whole = new WholeBank(settings, ones(1), Communicator.Single);
        var samples = tensor(new[] { 100L, 0, 50, 33, 67, 34, 49, 51, 99, 66, 1, 2 });
        ThreadRanks.Run(count, ranks =>
        {
            using var bank = new ShardedBank(settings, ones(1), ranks);
            var own = samples.narrow(0, ranks.Rank * 12 / count, 12 / count);
            Assert.True(bank.Of(own, ScalarType.Float32).equal(whole.Of(own, ScalarType.Float32)).all().item<bool>());
        });
    }

    [Theory]
    [InlineData(1)] // fewer than there are ranks: some have none
    [InlineData(7)]
    [InlineData(500)]
    public void TogetherTheRanksDrawWhatOneDraws(int draws)
    {
        var settings = Settings(101, 4, half: false);
        using var scope = NewDisposeScope();
        var samples = arange(0, 30, dtype: int64) * 3;
        using var whole = new WholeBank(settings, ones(1), Communicator.Single);
        var expected = whole.Draw(9, samples, draws).Negatives;
        ThreadRanks.Run(3, ranks =>
        {
            using var bank = new ShardedBank(settings, ones(1), ranks);
            var first = 101L * ranks.Rank / 3;
            var drawn = bank.Draw(9, samples.narrow(0, ranks.Rank * 10, 10), draws);
            Assert.Equal(draws, drawn.Count);
            for (var i = 0; i < 30; i++)
            {
                var here = drawn.Negatives[i].data<long>().ToArray().Where(row => row >= 0).Select(row => row + first);
                Assert.Equal(expected[i].data<long>().ToArray().Where(row => row >= first && row < first + bank.Slots.shape[0]), here);
                var own = drawn.Own[i].item<long>();
                Assert.Equal(samples[i].item<long>() is var sample && sample >= first && sample < first + bank.Slots.shape[0] ? sample - first : -1, own);
            }
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Float32LossesAreThoseOfTheWholeBank(bool half)
    {
        var settings = Settings(1001, 64, half);
        var all = nn.functional.normalize(Numbers.Normal(16, 64), dim: 1);
        var samples = arange(0, 16, dtype: int64) * 60;
        using var scope = NewDisposeScope();
        using var whole = new WholeBank(settings, all, Communicator.Single);
        var (expected, expectedGradient) = Losses(whole, all, samples);
        ThreadRanks.Run(2, ranks =>
        {
            using var bank = new ShardedBank(settings, all, ranks);
            var (losses, gradient) = Losses(bank, all.narrow(0, ranks.Rank * 8, 8), samples.narrow(0, ranks.Rank * 8, 8));
            for (var i = 0; i < losses.Length; i++)
            {
                using var mean = tensor(losses[i]);
                ranks.AllReduceMean(mean);
                Assert.Equal(expected[i], mean.item<float>(), 1e-4f * Math.Abs(expected[i]));
            }

            var difference = (cat(Gathered(ranks, gradient)) / 2) - expectedGradient; // each is of the mean over half of the images
            Assert.InRange(difference.abs().max().item<float>(), 0, 1e-4f * expectedGradient.abs().max().item<float>());
        });
    }

    [Fact]
    public void ImagesThatAreFewerThanRanksAreRefused()
    {
        var error = Assert.Throws<RecipeException>(() => ThreadRanks.Run(3, ranks => new ShardedBank(Settings(2, 4, half: false), ones(1), ranks).Dispose()));
        Assert.Contains("method.shardBank: 3 ranks cannot share the slots of 2 images", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void OneRankHasAWholeBank()
    {
        using var bank = MemoryBank.Create(Settings(9, 4, half: false), ones(1), Communicator.Single, sharded: true);
        Assert.IsType<WholeBank>(bank);
        Assert.Equal(9, bank.Slots.shape[0]);
    }

    [Fact]
    public void ItSaysWhatTheLargestPartTakes()
    {
        Assert.Equal(10 * ((4 * 4) + 4), MemoryBank.Bytes(10, 4, BankPrecision.Float32));
        Assert.Equal(4 * ((4 * 2) + 4), MemoryBank.Bytes(10, 4, BankPrecision.Bfloat16, ranks: 3));
    }

    private static BankSettings Settings(long images, long width, bool half) =>
        new(images, width, 0.5, half ? BankPrecision.Bfloat16 : BankPrecision.Float32, 7);

    /// <summary>The two losses and the gradient of their sum, which none of both leaves alone.</summary>
    private static (float[] Losses, Tensor Gradient) Losses(MemoryBank bank, Tensor embeddings, Tensor samples)
    {
        var v = embeddings.clone().requires_grad_();
        var drawn = bank.Draw(5, samples, 64);
        var estimated = bank.NoiseContrastiveLoss(v, drawn, 0.1, bank.Normaliser(v, drawn, 0.1));
        var exact = NonParametricSoftmax.FromLogSumExp(v, bank.Of(samples, v.dtype), bank.LogSumExp(v, 0.1), 0.1);
        GuardedBackward.Run(estimated + exact);
        using (no_grad())
        {
            var drawnAgain = bank.NoiseContrastiveLoss(v, drawn, 0.1, bank.Normaliser(v, drawn, 0.1)); // also without a gradient
            Assert.Equal(estimated.item<float>(), drawnAgain.item<float>());
        }

        return ([estimated.item<float>(), exact.item<float>()], v.grad!);
    }

    /// <summary>Every rank's rows, of which ranks may have one more than others.</summary>
    private static Tensor[] Gathered(Communicator ranks, Tensor rows)
    {
        var longest = tensor(rows.shape[0]);
        ranks.AllReduce(longest, Reduction.Max);
        var padded = zeros([longest.item<long>(), rows.shape[1]], rows.dtype);
        padded.narrow(0, 0, rows.shape[0]).copy_(rows);
        var lengths = ranks.AllGather(tensor(new[] { rows.shape[0] })).data<long>().ToArray();
        return [.. ranks.AllGather(padded).chunk(ranks.Ranks).Select((part, rank) => part.narrow(0, 0, lengths[rank]))];
    }
}
