using SelfSup.Losses;
using SelfSup.Tests.Support;

using static TorchSharp.torch;

namespace SelfSup.Tests.Losses;

public sealed class NtXentTests
{
    [GoldenComponent("ntxent")]
    internal static void MatchesTheReference(GoldenCase golden)
    {
        var z0 = GoldenCase.Tensor(golden.Input("z0")).requires_grad_();
        var z1 = GoldenCase.Tensor(golden.Input("z1")).requires_grad_();
        var embeddings = nn.functional.normalize(cat([z0, z1]), dim: 1);
        var loss = NtXent.Loss(embeddings, embeddings, 0, golden.Params.GetProperty("temperature").GetDouble());
        loss.backward();

        GoldenCase.Close(golden.Outputs.GetProperty("loss"), loss, 1e-9);
        GoldenCase.Close(golden.Outputs.GetProperty("loss_simclr_tf_convention"), loss * 2, 1e-9);
        GoldenCase.Close(golden.Gradients.GetProperty("z0"), z0.grad!, 1e-9);
        GoldenCase.Close(golden.Gradients.GetProperty("z1"), z1.grad!, 1e-9);
    }

    /// <summary>The loss of each rank over its own rows; the ranks' gather with gradient is a concatenation here.</summary>
    [GoldenComponent("ntxent_distributed")]
    internal static void MatchesTheReferenceAcrossRanks(GoldenCase golden)
    {
        var temperature = golden.Params.GetProperty("temperature").GetDouble();
        var inputs = golden.Inputs.GetProperty("ranks").EnumerateArray()
            .Select(r => new[] { "z0", "z1" }.Select(z => GoldenCase.Tensor(r.GetProperty(z)).requires_grad_()).ToArray())
            .ToArray();
        var locals = inputs.Select(z => nn.functional.normalize(cat(z), dim: 1)).ToArray();
        var all = cat(locals);
        var losses = locals.Select((local, rank) => NtXent.Loss(local, all, rank, temperature)).ToArray();
        var sum = stack(losses).sum();
        sum.backward();

        var expected = golden.Outputs.GetProperty("loss_per_rank").EnumerateArray().ToArray();
        Assert.Equal(expected.Length, losses.Length);
        for (var rank = 0; rank < losses.Length; rank++)
        {
            GoldenCase.Close(expected[rank], losses[rank], 1e-9);
            var gathered = golden.Gradients.GetProperty("gather_grad")[rank];
            var whole = golden.Gradients.GetProperty("full_batch_grad")[rank];
            foreach (var (name, z) in new[] { "z0", "z1" }.Zip(inputs[rank]))
            {
                GoldenCase.Close(gathered.GetProperty(name), z.grad!, 1e-9);
                GoldenCase.Close(whole.GetProperty(name), z.grad! / losses.Length, 1e-9);
            }
        }

        GoldenCase.Close(golden.Outputs.GetProperty("loss_mean"), sum / losses.Length, 1e-9);
        GoldenCase.Close(golden.Outputs.GetProperty("loss_full_batch"), sum / losses.Length, 1e-9);
    }

    [Fact]
    public void TheDefinitionHolds()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var z = nn.functional.normalize(randn([6, 4], dtype: float64, generator: generator), dim: 1);
        var s = z.matmul(z.t()).data<double>().ToArray();
        double sum = 0;
        for (var i = 0; i < 6; i++)
        {
            var denominator = Enumerable.Range(0, 6).Where(j => j != i).Sum(j => Math.Exp(s[(i * 6) + j] / 0.5));
            sum -= Math.Log(Math.Exp(s[(i * 6) + ((i + 3) % 6)] / 0.5) / denominator);
        }

        Assert.Equal(sum / 6, NtXent.Loss(z, z, rank: 0, temperature: 0.5).item<double>(), 1e-12);
    }

    [Fact]
    public void ExchangingTheViewsChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var z = nn.functional.normalize(randn([8, 5], dtype: float64, generator: generator), dim: 1);
        var exchanged = cat([z[4..], z[..4]]);
        Assert.Equal(NtXent.Loss(z, z, 0, 0.2).item<double>(), NtXent.Loss(exchanged, exchanged, 0, 0.2).item<double>(), 1e-12);
    }

    [Fact]
    public void LossesOfRanksAverageToTheLossOfTheWholeBatch()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        // Two ranks of three images: rows are view 1 then view 2 of each rank.
        var ranks = Enumerable.Range(0, 2)
            .Select(_ => nn.functional.normalize(randn([6, 5], dtype: float64, generator: generator), dim: 1)).ToArray();
        var all = cat(ranks);
        var mean = ranks.Select((z, r) => NtXent.Loss(z, all, r, 0.3).item<double>()).Average();
        var whole = cat([ranks[0][..3], ranks[1][..3], ranks[0][3..], ranks[1][3..]]);
        Assert.Equal(NtXent.Loss(whole, whole, 0, 0.3).item<double>(), mean, 1e-12);
    }
}
